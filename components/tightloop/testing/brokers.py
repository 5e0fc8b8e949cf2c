"""The broker of a test run: embedded, in a container, or one that runs already.

A choice is a word: ``auto``, ``embedded``, ``container``, or an address ``host:port``. ``auto`` is a container where a
Docker engine answers and testcontainers is installed, and the embedded broker otherwise; it says why.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

from tightloop.errors import ExecutionError

EMBEDDED, CONTAINER, AUTO = "embedded", "container", "auto"
DOCKER_SOCKET = "unix:///var/run/docker.sock"
ANSWER_S = 2.0
Say = Callable[[str], None]


class Broker(Protocol):
    """What a test may count on, whatever broker it is."""

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""


@dataclass(frozen=True)
class ExistingBroker:
    """A broker that runs already, and is left running."""

    bootstrap: str


def resolved(choice: str) -> tuple[str, str]:
    """``choice`` as ``embedded``, ``container`` or an address; and why, in words. Raises ExecutionError EIF-010."""
    if choice in (EMBEDDED, CONTAINER):
        return choice, "as chosen"
    if choice == AUTO:
        missing = why_no_container()
        return (EMBEDDED, missing) if missing else (CONTAINER, "a Docker engine answers")
    host, separator, port = choice.rpartition(":")
    if not (separator and host and port.isdigit()):
        raise ExecutionError(
            "EIF-010",
            f"the tests' broker is {choice!r}",
            remedy="Choose auto, embedded, container, or an address HOST:PORT.",
        )
    return choice, "the address given"


def why_no_container() -> str | None:
    """What is missing for a broker in a container; None when nothing is."""
    if find_spec("testcontainers") is None:
        return "testcontainers is not installed"
    address = os.environ.get("DOCKER_HOST", DOCKER_SOCKET)
    try:
        _engine_answers(address)
    except OSError as error:
        return f"no Docker engine answers at {address} ({error.strerror or error})"
    return None


def _engine_answers(address: str) -> None:
    """Raises OSError when nothing listens at ``unix:///path`` or ``tcp://host:port``."""
    parts = urlsplit(address)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(parts.path)
    else:
        socket.create_connection((parts.hostname or "localhost", parts.port or 2375), ANSWER_S).close()


@contextmanager
def running_broker(choice: str, say: Say) -> Iterator[Broker]:
    """The broker of ``choice``, ended afterwards unless it ran before. ``say`` is told which one it is, and why.

    Under ``auto`` a container that can't be started is replaced by the embedded broker, and ``say`` is told the reason.
    Raises ExecutionError BRK-001 to -005 (embedded), EIF-010; for ``container`` what testcontainers or Docker raise.
    """
    kind, why = resolved(choice)
    if kind == CONTAINER and choice == AUTO:
        with _container_or_embedded(say) as broker:
            yield broker
        return
    say(f"the broker is {kind}: {why}")
    with _of_kind(kind) as broker:
        yield broker


@contextmanager
def _container_or_embedded(say: Say) -> Iterator[Broker]:
    container = _container()
    try:
        broker: Any = container.__enter__()
    except Exception as error:  # noqa: BLE001  whatever Docker says: the embedded broker serves as well
        say(f"the broker is {EMBEDDED}: a container could not be started ({type(error).__name__}: {error})")
        with _of_kind(EMBEDDED) as embedded:
            yield embedded
        return
    say(f"the broker is {CONTAINER}: a Docker engine answers")
    try:
        yield broker
    finally:
        container.__exit__(None, None, None)


def _of_kind(kind: str) -> AbstractContextManager[Broker]:
    if kind == CONTAINER:
        return _container()
    if kind == EMBEDDED:
        from tightloop.broker import EmbeddedBroker

        return EmbeddedBroker()
    return _existing(kind)


def _container() -> AbstractContextManager[Broker]:
    from tightloop.testing.container import KafkaContainer

    return KafkaContainer()


@contextmanager
def _existing(address: str) -> Iterator[Broker]:
    yield ExistingBroker(address)
