"""One broker for several worker processes of one test run (pytest-xdist).

The first worker that needs it starts it, and ends it when nobody uses it any more. Who uses it holds a lock that the
system takes back from a process that dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tightloop.testing.brokers import Broker

STARTING, USING, ADDRESS = "broker.starting", "broker.using", "broker.address"


@dataclass(frozen=True)
class SharedBroker:
    """A broker that another worker of this test run started. ``data_dir``: an embedded one's topics."""

    bootstrap: str
    data_dir: Path | None


@contextmanager
def locked(path: Path, how: int) -> Iterator[None]:
    """``how``: ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``; waits for it."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared_broker(folder: Path, start: Callable[[], AbstractContextManager[Broker]]) -> Iterator[Broker]:
    """``folder``: the one that the workers of this run have in common."""
    address = folder / ADDRESS
    with locked(folder / USING, fcntl.LOCK_SH):
        with locked(folder / STARTING, fcntl.LOCK_EX):
            own = None if address.exists() else start()
            broker = _told(address) if own is None else _announced(own.__enter__(), address)
        yield broker
    if own is not None:
        with locked(folder / USING, fcntl.LOCK_EX):
            address.unlink()
            own.__exit__(None, None, None)


def _announced(broker: Broker, address: Path) -> Broker:
    address.write_text(f"{broker.bootstrap}\n{getattr(broker, 'data_dir', '')}", encoding="utf-8")
    return broker


def _told(address: Path) -> SharedBroker:
    bootstrap, folder = address.read_text(encoding="utf-8").split("\n")
    return SharedBroker(bootstrap, Path(folder) if folder else None)
