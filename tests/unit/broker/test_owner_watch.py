"""The watchdog, with a plain process in the broker's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tightloop.broker.owner_watch import Watchdog

# The owner may fork a child that outlives it: that must not keep the watchdog waiting.
_OWNER = """
import os, subprocess, sys
from pathlib import Path
from tightloop.broker.owner_watch import Watchdog
watched = subprocess.Popen(["sleep", "60"])
watchdog = Watchdog(watched.pid, Path(sys.argv[1]))
child = os.fork()
if child == 0:
    os.close(1)
    sys.stdin.read()
    os._exit(0)
print(watched.pid, flush=True)
sys.stdin.read()
"""


def test_what_is_watched_and_its_data_go_when_the_owner_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data with a space"
    (data / "deep").mkdir(parents=True)
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert owner.stdin is not None and owner.stdout is not None
    with owner.stdin, owner.stdout:  # the forked child lives until its input, which is shared, is closed
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        deadline = time.monotonic() + 5
        while _lives(pid) or data.exists():
            assert time.monotonic() < deadline, f"process {pid} lives: {_lives(pid)}, data exist: {data.exists()}"
            time.sleep(0.02)


def test_a_dismissed_watchdog_does_nothing(tmp_path: Path) -> None:
    watched = subprocess.Popen(["sleep", "60"])
    try:
        watchdog = Watchdog(watched.pid, tmp_path)
        watchdog.dismiss()
        with pytest.raises(subprocess.TimeoutExpired):
            watched.wait(0.3)
        assert tmp_path.exists()
    finally:
        watched.kill()
        watched.wait()


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
