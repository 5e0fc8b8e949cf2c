"""The judge finds what it once missed: instructions dead-lettered without a reason, orders cancelled without a request,
amounts doubled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.chaos import defects, workload
from tests.chaos.harness import System
from tests.chaos.settled import settled

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]
KEY = "defective"
FOUND_AS = {
    defects.BURY: {"dead-letter-unexplained"},
    defects.CANCEL: {"outcome-unexplained"},
    defects.DOUBLE: {"result-otherwise", "filled-otherwise"},
}


@pytest.mark.parametrize(
    "put_in", [(), (defects.BURY,), (defects.CANCEL,), (defects.DOUBLE,), tuple(FOUND_AS)], ids="+".join
)
def test_the_verdict_fails_for_the_defects_that_are_put_in(
    put_in: tuple[str, ...], broker: Any, topic_prefix: str, tmp_path: Path
) -> None:
    system = System(
        broker.bootstrap, topic_prefix, tmp_path, partitions=1, replicas={}, lanes=("binance",), defects=put_in
    )
    with system.warmed_up(workload.instruction(KEY, "first", **workload.market())):
        system.publish(
            workload.instruction(KEY, "market", **workload.market("sell")),
            workload.instruction(KEY, "rests", **workload.limit(2_000)),
            workload.instruction(KEY, f"is-{defects.BURIED}", **workload.market()),
        )
        system.until_results(60)
        system.until(lambda: settled(system.watch), 60, "every loop has ended")
        verdict = system.watch.judge()
    assert {one.kind for one in verdict.violations} == set().union(*(FOUND_AS[one] for one in put_in)), verdict
    assert verdict.passed == (not put_in)
