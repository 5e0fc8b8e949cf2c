"""How long to wait before something is tried again."""

from __future__ import annotations

from tightloop.domain.backoff import backoff


def test_the_pause_doubles_up_to_its_limit() -> None:
    assert [backoff(0.25, 2.0, earlier) for earlier in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


def test_however_often_it_failed_the_pause_is_the_longest() -> None:
    assert backoff(0.25, 60.0, 10**6) == 60.0
    assert backoff(90.0, 60.0, 0) == 60.0
