"""How long what people write may be: refused beyond, and named in the result all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import VENUES

from tightloop.domain import lengths
from tightloop.domain.validate import check_instruction
from tightloop.errors import ExecutionError
from tightloop.records.types import Action, Delta, Instruction
from tightloop.testing import action, cancel, halt, swap, trade

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
LONG = "x" * 201
DELTA = Delta(position_key="binance:BaseToken:BTC", amount=Decimal(1), source="trade")


def step(**fields: Any) -> Action:
    return swap("USDT", "WETH", Decimal(1), **fields)


TOO_LONG: dict[str, Callable[[], Instruction]] = {
    "instruction_id": lambda: trade(LONG, NOW),
    "account": lambda: trade("i", NOW, account=LONG),
    "trace_id": lambda: trade("i", NOW, trace_id=LONG),
    "causation_id": lambda: trade("i", NOW, causation_id=LONG),
    "group_id": lambda: trade("i", NOW, group_id=LONG),
    "expected_deltas": lambda: trade("i", NOW, expected_deltas=(DELTA,) * 101),
    "position_key": lambda: trade(
        "i", NOW, expected_deltas=(Delta(position_key="b:c:" + "x" * 300, amount=Decimal(1), source="trade"),)
    ),
    "metadata": lambda: trade("i", NOW, metadata={str(n): "" for n in range(101)}),
    "metadata['a']": lambda: trade("i", NOW, metadata={"a": "x" * 4001}),
    "actions": lambda: action("i", NOW, *(step() for _ in range(101))),
    "parameters": lambda: action("i", NOW, step(parameters={"a": "x" * 4001})),
    "cancel.instruction_id": lambda: cancel("i", NOW, LONG),
}


@pytest.mark.parametrize("field", TOO_LONG)
def test_what_is_too_long_is_refused_under_its_field(field: str) -> None:
    with pytest.raises(ExecutionError) as raised:
        check_instruction(TOO_LONG[field](), VENUES)
    assert raised.value.code == "EIM-007" and field in raised.value.message


def test_an_id_that_is_too_long_is_cut_the_same_way_each_time_and_no_other_is_like_it() -> None:
    one, other = trade("x" * 1000, NOW), trade("x" * 1001, NOW)
    assert lengths.legible(one).instruction_id == lengths.legible(one).instruction_id
    assert lengths.legible(one).instruction_id != lengths.legible(other).instruction_id
    assert len(lengths.legible(one).instruction_id) < lengths.ID_CHARS
    sound = trade("i1", NOW)
    assert lengths.legible(sound) is sound


COMMANDS: dict[str, dict[str, Any]] = {
    "command_id": {"command_id": LONG},
    "target_id": {"target_id": LONG},
    "expected_halt_ids": {"expected_halt_ids": ("h",) * 65},
    "deltas": {"deltas": (DELTA,) * 1001},
}


@pytest.mark.parametrize("field", COMMANDS)
def test_a_command_that_is_too_long_is_refused_without_a_halt(field: str) -> None:
    sound = halt("c", NOW, actor="a" * 9999, reason="r" * 9999)
    lengths.check_command(sound)
    with pytest.raises(ExecutionError) as raised:
        lengths.check_command(replace(sound, **COMMANDS[field]))
    assert (raised.value.code, raised.value.halts) == ("EIM-016", False) and field in raised.value.message
