"""Instructions that decode and hold extreme values: each ends alone, without harm to others or to its key."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.handler_context import START
from tests.support.record_strategies import values
from tests.unit.handlers.manager.desk import D, Desk, short

from tightloop.errors import ExecutionError
from tightloop.records.schemas import current_schemas
from tightloop.records.types import Instruction
from tightloop.testing import builders
from tightloop.wire import codec

EXAMPLES = int(os.environ.get("TIGHTLOOP_TEST_EXAMPLES", "40"))
BASES = (
    builders.trade("odd", START, price=D(60000)),
    builders.trade("odd", START, quote_amount=D(100)),
    builders.perp("odd", START),
    builders.action("odd", START),
    builders.transfer("odd", START, "USDT", D(1)),
    builders.cancel("odd", START, "nobody"),
)
KEPT = {"instruction_id", "strategy_id"}  # what makes it this one, of this key


def changes(record: str, kept: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """New values for up to three fields, each the whole range of its type."""
    fields = {
        field["name"]: field["type"] for field in current_schemas()[record]["fields"] if field["name"] not in kept
    }
    names = st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True)
    return names.flatmap(lambda some: st.fixed_dictionaries({name: values(fields[name]) for name in some}))


PAYLOADS = {
    "cex_trade": "CexTrade",
    "smart_contract_action": "SmartContractAction",
    "wallet_transfer": "WalletTransfer",
    "cancel": "Cancel",
}


@st.composite
def odd_ones(draw: st.DrawFn) -> Instruction:
    base = draw(st.sampled_from(BASES))
    payload = replace(getattr(base, base.type), **draw(changes(PAYLOADS[base.type], set())))
    made = replace(base, **{base.type: payload})
    return replace(made, **draw(changes("Instruction", KEPT | set(PAYLOADS))))


def close_all(desk: Desk) -> None:
    for _ in range(10):
        if desk.head().slot is None:
            return
        loop = desk.last_loop()
        odd = loop.instruction is not None and loop.instruction.instruction_id == "odd"
        desk.close(loop, **({"outcome": "rejected", "filled_amount": D(0)} if odd else {}))
    raise AssertionError("the slot is never free again")


@settings(max_examples=EXAMPLES * 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(odd_ones(), st.booleans())
@example(builders.trade("odd", START, price=D(1), timeout_ms=2**62), True)
@example(builders.trade("odd", START, price=D(1), expires_at=START.replace(year=9999)), True)
@example(builders.trade("odd", START, price=D(1), timeout_ms=2**62), False)
def test_no_instruction_that_decodes_changes_anothers_result_or_blocks_its_key(made: Instruction, queued: bool) -> None:
    odd = codec.decode(codec.encode(made))
    if codec.has_unknown(odd) is not None:
        return  # the runner dead-letters it before any handler sees it
    desk = Desk()
    if queued:
        desk.instruct("innocent")
    told = True
    try:
        desk.driver.feed("instructions", odd)
    except ExecutionError as error:
        assert not error.halts
        told = False
    desk.instruct("after")
    close_all(desk)
    desk.driver.advance(1)
    for name in ("innocent", "after") if queued else ("after",):
        assert short(desk.result(name)) == ("reconciled", "filled", None)
    assert len(desk.results("odd")) == int(told)
    assert desk.halts() == []
