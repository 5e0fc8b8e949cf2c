"""A process that runs and does not answer: noticed, told, killed and started again."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tightloop.broker.ports import free_port
from tightloop.cli.health import probed
from tightloop.cli.system import child as supervised
from tightloop.cli.system.child import Child, Spec
from tightloop.cli.system.pulse import FAILURES, Silence

SERVER = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"ready": True, "live": True, "partitions": [0]}).encode()
        self.send_response(503 if self.path == "/never" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Child]]:
    monkeypatch.setattr(supervised, "EVERY_S", 0.05)
    monkeypatch.setattr(supervised, "HUNG_S", 3.0)
    children = []

    def start(live: str) -> Child:
        port = free_port()
        command = (sys.executable, "-c", SERVER, str(port))
        spec = Spec(name="x.0", component="x", command=command, port=port, health="/ready", live=live)
        children.append(Child(spec, tmp_path / "x.log", {}))
        children[-1].start()
        return children[-1]

    yield start
    for one in children:
        one.kill(time.monotonic())


def watch_until(one: Child, holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        one.watch()
        time.sleep(0.02)


def test_a_stopped_process_is_hung_with_its_pid_and_then_another_runs(started: Callable[[str], Child]) -> None:
    one = started("/live")
    watch_until(one, lambda: one.ready)
    before = one.describe(False)
    assert probed(before).health == "ready"
    assert before.pid is not None
    psutil.Process(before.pid).send_signal(signal.SIGSTOP)
    hung = probed(before)
    assert (hung.health, hung.pid) == ("hung", before.pid)
    watch_until(one, lambda: one.ready and one.describe(False).restarts == 1)
    after = one.describe(False)
    assert (after.pid != before.pid, after.exit_code) == (True, -signal.SIGKILL)
    assert (probed(before).health, probed(before).pid) == ("down", None)


def test_a_process_that_says_it_hangs_is_killed(started: Callable[[str], Child]) -> None:
    one = started("/never")
    watch_until(one, lambda: one.describe(False).restarts == 1)
    assert one.describe(False).exit_code == -signal.SIGKILL


def test_silence_counts_from_the_last_good_answer_after_several_bad_ones() -> None:
    silence = Silence(began=100.0)
    silence.heard(True, 110.0)
    for _ in range(FAILURES - 1):
        silence.heard(False, 170.0)  # the machine slept, say
    assert silence.lasts(171.0) == 0.0
    silence.heard(False, 172.0)
    assert silence.lasts(173.0) == 63.0
    silence.heard(True, 174.0)
    assert silence.lasts(200.0) == 0.0
