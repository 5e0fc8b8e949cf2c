"""What `show` says of a dispatch: which leg of which group, and what it was scaled to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.handlers.manager.test_group_run import SCALES
from tests.unit.handlers.manager.test_groups import desk, feed, legs

from tightloop.cli.trace import _words

D = Decimal


def test_a_dispatched_leg_is_told_of_with_its_group_and_its_scaled_amount() -> None:
    at = desk()
    at.instruct("i1")
    feed(at, *legs({"amount": D(3)}, {"amount": D(1), **SCALES}))
    at.close()
    at.close(outcome="partially_filled", filled_amount=D(1))
    every: list[Any] = [one.record for one in at.driver.world.emitted if one.topic.startswith("instructions.")]
    details = [_words(one)[1].partition("account s1")[2] for one in every]
    assert details == ["", ", leg 1 of 2 of group g", ", leg 2 of 2 of group g, amount 0.333333333333333333"]
