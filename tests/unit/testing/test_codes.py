"""Each code that can occur, brought about through the whole loop; and a list that no code is missing from.

Codes that need more than that are brought about where their subject is tested; this module checks that somewhere they
are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.asserted_codes import asserted_codes, helpers_of
from tests.support.lanes import REGISTRY, directory, judging, position_updates

from tightloop.errors import CATALOGUE
from tightloop.handlers.api import Context, Inbound
from tightloop.handlers.executor.handler import Executor
from tightloop.handlers.executor.settings import ExecutorSettings
from tightloop.handlers.manager.handler import InterfaceManager
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.handlers.reconciliation.handler import Reconciliation
from tightloop.records.types import Instruction
from tightloop.runners.partitioner import partition_of
from tightloop.testing import LoopDriver, action, perp, swap, trade
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings

D = Decimal
TESTS = Path(__file__).parents[2]
NOT_A_TRIGGER = {"test_errors.py", "test_codes_listed.py"}


# --- refused, rejected ------------------------------------------------------------------------------------------------

Make = Callable[[LoopDriver], Instruction]

REJECTED: dict[str, tuple[dict[str, Any] | None, Make]] = {
    "EXI-001": ({"kind": "reject", "code": "order_rejected"}, lambda loop: trade("i1", loop.now)),
    "EXI-006": (None, lambda loop: trade("i1", loop.now, side="sell", amount=D(100))),
    "EXI-007": (None, lambda loop: trade("i1", loop.now, amount=D("0.000001"))),
    "EXI-010": (None, lambda loop: action("i1", loop.now, max_fee=D("0.000000001"))),
    "EXI-013": (None, lambda loop: trade("i1", loop.now, symbol="DOGE/USDT")),
}


@pytest.mark.parametrize("code", REJECTED)
def test_a_venues_refusal_ends_the_loop_under_its_code_and_the_key_goes_on(code: str) -> None:
    fault, make = REJECTED[code]
    loop = LoopDriver()
    if fault is not None:
        loop.fault(**fault, count=1)
    loop.feed(make(loop))
    result = loop.result("i1")
    assert result.error is not None
    assert (result.status, result.outcome) == ("reconciled", "rejected")
    expected = {"EXI-013": {"EXI-013", "EXI-007"}}.get(code, {code})  # an unknown market is an invalid order here
    assert result.error.code in expected
    loop.feed(trade("i2", loop.now))
    assert loop.result("i2").outcome == "filled"


def test_an_operation_that_a_lane_does_not_know_is_exi_013() -> None:
    without_curve = replace(chain("ethereum"), curve=())
    loop = LoopDriver(sim=SimSettings(chains=(without_curve,)))
    step = replace(swap("USDT", "USDC", D(1)), protocol="curve")
    loop.feed(action("i1", loop.now, step))
    result = loop.result("i1")
    assert result.error is not None
    assert (result.outcome, result.error.code) in {("rejected", "EXI-013"), ("rolled_back", "EXI-013")}


def test_a_swap_that_would_give_too_little_is_exi_011_and_is_not_sent() -> None:
    loop = LoopDriver()
    loop.feed(action("i1", loop.now, swap("USDT", "WETH", D(1000), min_amount_out=D(1000))))
    result = loop.result("i1")
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("rejected", "EXI-011")


def test_a_swap_that_gives_too_little_after_all_is_rolled_back_under_exi_011() -> None:
    loop = LoopDriver()
    loop.fault("slip", operations=("transaction",), count=1, slippage_bps=D(30))
    loop.feed(action("i1", loop.now, swap("USDT", "WETH", D(1000), max_slippage_bps=D(20))))
    result = loop.result("i1")
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("rolled_back", "EXI-011")


def test_a_venue_that_asks_for_fewer_requests_is_exi_002_on_the_audit_and_tried_again() -> None:
    loop = LoopDriver()
    loop.fault("rate_limit", operations=("order",), count=1)
    loop.feed(perp("i1", loop.now))
    loop.advance(5)
    assert loop.result("i1").outcome == "filled"
    assert "EXI-002" in [one.error.code for one in loop.records("execution_audit") if one.error]


# --- defects ----------------------------------------------------------------------------------------------------------


def broken(handler: Any) -> Any:
    """The same component with a defect: it fails on every record of the key ``s1`` after the first instruction's."""

    def fail(context: Context, record: Inbound) -> None:
        if context.key == "s1" and record.topic != "dead_letters":
            raise RuntimeError("a defect")
        whole(context, record)

    whole = handler.on_record
    handler.on_record = fail
    return handler


DEFECTS: dict[str, Callable[[], Any]] = {
    "EIM-001": lambda: InterfaceManager(ManagerSettings(directory=directory())),
    "EXI-001": lambda: Executor(ExecutorSettings(lane=REGISTRY.lane("binance"), directory=directory())),
    "PUH-003": position_updates,
    "REC-001": lambda: Reconciliation(judging()),
}


@pytest.mark.parametrize("code", DEFECTS)
def test_a_defect_of_a_component_costs_one_key_and_not_the_component(code: str) -> None:
    handler = broken(DEFECTS[code]())
    loop = LoopDriver(handlers={handler.name: handler})
    loop.feed(trade("i1", loop.now))
    loop.feed(trade("o1", loop.now, strategy_id="s2"))
    letters = loop.dead_letters()
    assert (letters[0].error.code, letters[0].component, letters[0].halts) == (code, handler.name, True)
    assert "a defect" in letters[0].error.message
    assert [one.code for one in loop.halts()] == [code]
    assert loop.result("o1").status == "reconciled"


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_a_record_above_its_topics_limit_is_tlc_010() -> None:
    """Kafka refuses it at the publisher; in process nobody else does."""
    loop = LoopDriver()
    loop.feed_bytes("instructions", b"s1", b"\x00" * (4 * 1024 * 1024 + 1), partition_of(b"s1", 8))
    assert [one.error.code for one in loop.dead_letters()] == ["TLC-010"]
    assert [one.code for one in loop.halts()] == ["TLC-010"]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_every_code_is_asserted_by_a_test_or_says_why_it_is_reserved() -> None:
    files = [file for file in TESTS.rglob("test_*.py") if file.name not in NOT_A_TRIGGER]
    support = [file.read_text(encoding="utf-8") for file in (TESTS / "support").glob("*.py")]
    helpers = set().union(*map(helpers_of, support))
    asserted = set().union(*(asserted_codes(file.read_text(encoding="utf-8"), helpers) for file in files))
    assert [code for code, entry in CATALOGUE.items() if not entry.reserved and code not in asserted] == []


def test_a_reason_for_being_reserved_is_one() -> None:
    """What nothing raises because nobody has built it is not reserved: it is missing."""
    reasons = {code: entry.reserved for code, entry in CATALOGUE.items() if entry.reserved}
    vague = [
        code for code, reason in reasons.items() if len(reason) < 60 or re.search(r"\b(yet|later|to come)\b", reason)
    ]
    assert vague == []


def test_a_mention_is_no_assertion() -> None:
    source = '''
"""AAA-001"""
EXPECTED = {"it": "AAA-002"}
UNUSED = {"it": "AAA-003"}

def refused(record, code):
    assert record.code == code

def other(record, code):
    pass

@pytest.mark.parametrize("code", ["AAA-004"])
def test_it(code):  # AAA-005
    feed(error("AAA-006"))
    assert result.code == "AAA-007"
    assert result.code != "AAA-008"
    assert "AAA-009" not in result
    assert not seen("AAA-010")
    assert EXPECTED["it"] == result
    refused(record, "AAA-011")
    other(record, "AAA-012")
    with pytest.raises(ExecutionError, match="AAA-013"):
        act("AAA-014")
'''
    assert asserted_codes(source) == {f"AAA-{number:03d}" for number in (2, 4, 7, 11, 13)}


def test_a_reserved_code_is_raised_nowhere() -> None:
    package = TESTS.parent / "components" / "tightloop"
    files = [file for file in package.rglob("*.py") if "catalogue" not in file.parts]
    texts = [file.read_text(encoding="utf-8") for file in files]
    raised = [code for code, entry in CATALOGUE.items() if entry.reserved and any(f'"{code}"' in one for one in texts)]
    assert raised == []
