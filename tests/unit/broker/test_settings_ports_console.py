"""The small parts: what the broker is told, where it listens, what a person sees."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest

from tightloop.broker import Step, console_progress
from tightloop.broker.ports import free_port, is_free
from tightloop.broker.settings import server_properties


def test_given_settings_win_over_our_own() -> None:
    text = server_properties(1, 2, 1500, {"group.initial.rebalance.delay.ms": "7", "message.max.bytes": "9"})
    settings = dict(line.split("=", 1) for line in text.splitlines())
    assert settings["group.initial.rebalance.delay.ms"] == "7"
    assert settings["message.max.bytes"] == "9"
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"


def test_a_free_port_is_not_one_that_an_outgoing_connection_may_be_given() -> None:
    range_file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not range_file.exists():
        pytest.skip("not Linux: the range cannot be read")
    lowest = int(range_file.read_text().split()[0])
    if lowest <= 21000:
        pytest.skip("this machine leaves no range below the ephemeral ports")
    assert all(free_port() < lowest for _ in range(20))


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_in_a_pipe_each_step_is_a_line_and_a_download_has_an_end() -> None:
    pipe = io.StringIO()
    with console_progress(pipe) as report:
        for done in (0, 1_000_000, 2_000_000):
            report(Step("Downloading", done, 2_000_000))
        report(Step("Starting"))
        report(Step("Starting"))
    lines = pipe.getvalue().splitlines()
    assert lines[0] == "Downloading (2 MB)"
    assert lines[1].startswith("Downloading: done in ")
    assert lines[2:] == ["Starting"]


def test_on_a_terminal_progress_is_shown_while_it_lasts_and_then_wiped() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with console_progress(terminal) as report:
        report(Step("Downloading", 1_000_000, 2_000_000))
        report(Step("Starting"))
    assert "Starting" in terminal.getvalue()
    assert "done in" not in terminal.getvalue()
