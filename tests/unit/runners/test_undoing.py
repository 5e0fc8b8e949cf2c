"""What is undone again and again is said, seen, and ended; and waiting for a broker has a bound and a voice."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from tightloop.runners.kafka import patience, undoing
from tightloop.runners.kafka.patience import Patience
from tightloop.runners.kafka.transaction import MustExit
from tightloop.runners.kafka.undoing import A_FEW, MOST, Undoing


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that passes is the time that is slept."""
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    for module in (patience, undoing):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: now[0]))
    return now


def test_one_or_two_undone_transactions_are_no_error(clock: list[float]) -> None:
    undone = Undoing("executor")
    with capture_logs() as said:
        for _ in range(A_FEW - 1):
            undone.undone([0, 1], "a rebalance")
    assert not undone.is_stuck
    assert {one["log_level"] for one in said} == {"warning"}
    assert clock == [100.0], "the next try waits for nothing"


def test_after_three_undone_transactions_there_is_an_error_and_the_component_is_not_ready() -> None:
    undone = Undoing("executor")
    with capture_logs() as said:
        for _ in range(A_FEW):
            undone.undone([3], "MSG_SIZE_TOO_LARGE")
    assert undone.is_stuck
    assert (said[-1]["log_level"], said[-1]["why"]) == ("error", "MSG_SIZE_TOO_LARGE")
    undone.committed([3])
    assert not undone.is_stuck


def test_after_ten_undone_transactions_the_process_ends() -> None:
    undone = Undoing("executor")
    for _ in range(MOST - 1):
        undone.undone([3], "MSG_SIZE_TOO_LARGE")
    with pytest.raises(MustExit, match=r"partitions \[3\] was undone 10 times in a row: MSG_SIZE_TOO_LARGE"):
        undone.undone([3], "MSG_SIZE_TOO_LARGE")


def test_commits_of_another_partition_do_not_hide_one_that_never_commits() -> None:
    undone = Undoing("executor")
    with pytest.raises(MustExit):
        for _ in range(MOST):
            undone.undone([0, 3], "MSG_SIZE_TOO_LARGE")
            undone.committed([0])
    assert undone.is_stuck


def test_waiting_ends_with_the_error_and_says_meanwhile_what_is_waited_for() -> None:
    patience, error = Patience("executor", 12.0), RuntimeError("no leader")
    tries = 0
    with capture_logs() as said, pytest.raises(RuntimeError, match="no leader"):
        while True:
            tries += 1
            patience.wait("the bounds of the logs are not known", error, 0.1)
    assert 100 < tries < 130
    assert [round(one["seconds_left"]) for one in said] == [10, 5]
    assert all(one["log_level"] == "warning" and one["error"] == "no leader" for one in said)
