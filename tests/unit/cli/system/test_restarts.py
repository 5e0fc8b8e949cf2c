"""How long the supervisor waits before it starts a process again."""

from __future__ import annotations

from tightloop.cli.system.child import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Restarts


def test_the_first_restart_comes_at_once_and_later_ones_ever_later() -> None:
    restarts = Restarts()
    pauses = [restarts.after_run_of(0.1) for _ in range(10)]
    assert pauses[:4] == [0.0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_minute_of_running_starts_over() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.after_run_of(0.1)
    assert restarts.after_run_of(STEADY_S) == 0.0
