"""Tests that want the machine for themselves, where pytest-xdist runs several at once.

A storm (``pytest.mark.chaos``) has time limits which hold on two processors, and not beside other tests. Who waits to
be alone is let in before those who came later. Waiting is outside the test's own timeout.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tightloop.testing.shared_broker import locked

MACHINE, DOOR = "machine.in-use", "machine.door"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    if not hasattr(item.config, "workerinput"):
        return (yield)
    folder: Path = item.config._tmp_path_factory.getbasetemp().parent  # type: ignore[attr-defined]
    how = fcntl.LOCK_EX if item.get_closest_marker("chaos") else fcntl.LOCK_SH
    with locked(folder / DOOR, fcntl.LOCK_EX):
        alone_or_not = locked(folder / MACHINE, how)
        alone_or_not.__enter__()
    try:
        return (yield)
    finally:
        alone_or_not.__exit__(None, None, None)
