"""``down``: what ``up`` started is ended."""

from __future__ import annotations

import typer

from tightloop.cli.options import DEFAULT_DIR, AsJson, StateDir
from tightloop.cli.output import emit, note
from tightloop.cli.registration import add


def down(directory: StateDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """End everything that `tightloop up` started, by process id. Data, books and logs stay where they are."""
    from tightloop.cli.system.launch import end_broker, stop_system
    from tightloop.cli.system.system_state import read_state

    state = read_state(directory)
    ended = stop_system(state) if state is not None else 0
    if state is not None:
        end_broker(directory.absolute() / "broker")
    if as_json:
        emit({"ended": ended})
    else:
        note(f"ended {ended} processes" if ended else f"nothing runs from {directory}")


def add_to(app: typer.Typer) -> None:
    add(app, down, "tightloop down --dir .tightloop")
