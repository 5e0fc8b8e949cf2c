"""The runner by a clock that is moved: what dies with a process, at every step."""

from __future__ import annotations

import pytest

from tightloop.testing import LoopDriver, trade

KEYS = tuple(f"s{number}" for number in range(12))  # on several partitions


@pytest.mark.parametrize("component", ["interface-manager", "executor-binance", "reconciliation"])
def test_what_was_handled_and_not_committed_dies_with_its_component(component: str) -> None:
    """At whichever step it dies: every loop ends as it should, and the venue acts once for each."""
    steps = 0
    while True:
        loop = LoopDriver(partitions=4)
        for key in KEYS:
            loop.feed(trade(f"{key}-1", loop.now, strategy_id=key), run=False)
        done = loop.run(steps)
        loop.restart(component)
        loop.advance(60)
        assert [loop.result(f"{key}-1").outcome for key in KEYS] == ["filled"] * len(KEYS), steps
        requests = loop.sandbox.requests.read(0, 1000)
        acted = [one.client_order_id for one in requests if one.result == "acted" and one.operation == "order"]
        assert len(acted) == len(set(acted)) == len(KEYS), steps
        if done < steps:
            return
        steps += 1
