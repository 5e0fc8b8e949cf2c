"""A call of a transaction that may be made again is, for a bounded time, and not in silence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from tightloop.runners.kafka import transaction
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.transaction import RETRY_S, MustExit, Transaction


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The transaction's alone: other threads of the process go on by the real one."""
    now = [100.0]
    moves = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + 0.05))
    monkeypatch.setattr(transaction, "time", moves)
    return now


class Failing:
    """Its calls fail ``times``, as calls do that may be made again."""

    def __init__(self, times: int) -> None:
        self.left = times

    def produce(self, *about: object, **headers: object) -> None:
        raise AssertionError("there is nothing to write")

    def begin_transaction(self) -> None:
        return None

    def commit_transaction(self, timeout: float) -> None:
        if self.left > 0:
            self.left -= 1
            raise KafkaException(KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, "loading", retriable=True))


class Member:
    def consumer_group_metadata(self) -> bytes:
        return b"CGMDv2:" + (1).to_bytes(4, "little") + b"group\0member\0\0"


def commit(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    made = Transaction(Failing(times), Member(), KafkaSettings(bootstrap="nowhere"), "loop_state")  # type: ignore[arg-type]
    monkeypatch.setattr(made, "_send_offsets", lambda offsets: None)
    made.commit([], {})


@pytest.mark.usefixtures("clock")
def test_a_call_that_fails_for_a_while_is_repeated_until_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as said:
        commit(monkeypatch, 10)
    assert [one["log_level"] for one in said] == ["warning"], "once, and not for what is over in a moment"


def test_a_call_that_never_works_ends_the_process_with_its_cause(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    with pytest.raises(MustExit, match=r"failed for 3 s: .*loading"):
        commit(monkeypatch, 10_000)
    assert clock[0] - 100.0 < RETRY_S + 0.2
