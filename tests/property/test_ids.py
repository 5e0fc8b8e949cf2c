"""Whatever is published, again and again, under whichever clock: no id gets two results, and its memory is bounded."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.handler_context import START
from tests.unit.handlers.manager.desk import D, Desk

from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction
from tightloop.testing import builders

EXAMPLES = int(os.environ.get("TIGHTLOOP_TEST_EXAMPLES", "40"))
HOUR = 3600.0
LIMITS = {"seen_limit": 8, "sequenced_seen_limit": 4, "ahead_limit": 3, "queue_limit": 3}

numbers = st.none() | st.integers(-1, 12) | st.sampled_from([2**53 - 1, 2**53, 2**62])
dates = st.sampled_from([0.0, 4.0, 6.0, -0.5 * HOUR, -1.5 * HOUR, -3 * HOUR, 2.5 * HOUR, 5000 * HOUR])
publish = st.tuples(st.just("publish"), numbers, dates, st.booleans())
repeat = st.tuples(st.just("repeat"), st.integers(0, 30))
wait = st.tuples(st.just("wait"), st.sampled_from([1.0, 0.5 * HOUR, 1.1 * HOUR, 2.5 * HOUR, 9 * HOUR, -3 * HOUR]))
close = st.just(("close",))


class Publisher:
    """A desk with little memory, and all that was published to it."""

    def __init__(self) -> None:
        self.desk = Desk(**LIMITS)
        self.made: list[Instruction] = []

    def step(self, what: str, *about: Any) -> None:
        desk = self.desk
        if what == "wait":
            desk.driver.world.now = max(START, desk.now + timedelta(seconds=about[0]))  # a clock may be set back
        elif what == "close":
            if desk.head().slot is not None:
                desk.close()
        elif what == "publish":
            self._publish(*about)
        elif self.made:
            self._feed(self.made[about[0] % len(self.made)])

    def _publish(self, number: int | None, ahead_s: float, good: bool) -> None:
        date = self.desk.now + timedelta(seconds=ahead_s)
        fields = {"price": D(1), "amount": D(1 if good else -1), "expires_at": date + timedelta(days=29)}
        self.made.append(builders.trade(f"i{len(self.made)}", date, sequence=number, **fields))
        self._feed(self.made[-1])

    def _feed(self, made: Instruction) -> None:
        forgot = (self.desk.head().forgotten_sequence, self.desk.head().forgotten_until) != (None, None)
        try:
            self.desk.driver.feed("instructions", made)
        except ExecutionError as error:
            assert not error.halts
            if error.code == "EIM-009":  # of ids that may have had their result alone
                assert forgot
            else:
                assert error.code == "EIM-015"

    def check(self) -> None:
        results = Counter(one.instruction_id for one in self.desk.driver.records("instruction_results"))
        assert {name: count for name, count in results.items() if count > 1} == {}
        executed = Counter(name for name in self.desk.dispatched() if name.startswith("i"))
        assert {name: count for name, count in executed.items() if count > 1} == {}
        remembered = [name for name in self.desk.driver.state if name.startswith("seen|")]
        assert self.desk.head().seen == len(remembered) <= 2 * LIMITS["seen_limit"]
        marked = [self.desk.driver.state[name].ahead for name in remembered]  # type: ignore[attr-defined]
        assert self.desk.head().seen_ahead == sum(marked) <= LIMITS["ahead_limit"]
        assert self.desk.halts() == []


@settings(max_examples=EXAMPLES * 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(publish, publish, repeat, repeat, wait, close), min_size=10, max_size=80))
def test_no_id_ever_gets_a_second_result(steps: list[tuple[Any, ...]]) -> None:
    publisher = Publisher()
    for step in steps:
        publisher.step(*step)
        publisher.check()
    for made in publisher.made:
        publisher.step("repeat", publisher.made.index(made))
    publisher.check()
