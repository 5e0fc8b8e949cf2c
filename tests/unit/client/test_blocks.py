"""Instructions from plain data, as in notebooks and files."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.instruction_blocks import MARKET_BUY
from tests.support.lanes import VENUES

from tightloop.client.blocks import instruction_from
from tightloop.domain.validate import check_instruction
from tightloop.errors import ExecutionError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def refused(block: dict[str, Any]) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        check_instruction(instruction_from(block, now=NOW), VENUES)
    return caught.value


def test_flat_and_nested_data_make_the_same_instruction() -> None:
    outer = {name: MARKET_BUY[name] for name in ("instruction_id", "strategy_id", "type", "venue")}
    inner = {name: value for name, value in MARKET_BUY.items() if name not in outer}
    assert instruction_from(MARKET_BUY, now=NOW) == instruction_from({**outer, "cex_trade": inner}, now=NOW)


def test_a_float_is_taken_as_its_shortest_text() -> None:
    trade = instruction_from({**MARKET_BUY, "amount": 0.1 + 0.2}, now=NOW).cex_trade
    assert trade is not None
    assert trade.amount == Decimal("0.30000000000000004")


def test_without_a_time_it_was_decided_now() -> None:
    assert instruction_from(MARKET_BUY, now=NOW).created_at == NOW


def test_times_are_turned_into_utc() -> None:
    given = instruction_from({**MARKET_BUY, "created_at": "2026-01-01T02:00:00+02:00"})
    assert given.created_at == NOW
    assert given.created_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    error = refused({**MARKET_BUY, "created_at": "2026-01-01T02:00:00"})
    assert (error.code, "created_at" in error.message) == ("EIM-007", True)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), Decimal("NaN")])
def test_what_is_no_number_is_refused(amount: object) -> None:
    assert refused({**MARKET_BUY, "amount": amount}).code == "EIM-007"


def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    assert "did you mean 'symbol'" in refused({**MARKET_BUY, "simbol": "BTC/USDT"}).message


def test_a_field_of_a_wrong_kind_is_named() -> None:
    error = refused({**MARKET_BUY, "side": "up"})
    assert (error.code, error.message.startswith("cex_trade.side:")) == ("EIM-007", True)


def test_an_unknown_type_is_refused() -> None:
    assert refused({**MARKET_BUY, "type": "trade"}).code == "EIM-005"


def test_a_single_action_may_be_flat() -> None:
    given = instruction_from(
        {
            "instruction_id": "i1",
            "strategy_id": "s1",
            "type": "smart_contract_action",
            "venue": "uniswap",
            "operation": "swap",
            "token_in": "USDT",
            "token_out": "WETH",
            "amount": "all",
            "max_slippage_bps": 30,
        },
        now=NOW,
    )
    check_instruction(given, VENUES)
    assert given.smart_contract_action is not None
    (action,) = given.smart_contract_action.actions
    assert (action.protocol, action.amount, action.amount_rule) == ("uniswap", None, "all")
    assert given.smart_contract_action.chain_id == 1


def test_several_actions_keep_their_order_and_rules() -> None:
    given = instruction_from(
        {
            "instruction_id": "i1",
            "strategy_id": "s1",
            "type": "smart_contract_action",
            "venue": "aave",
            "atomic": True,
            "actions": [
                {"protocol": "uniswap", "operation": "swap", "token_in": "USDT", "token_out": "WETH", "amount": 10},
                {"operation": "supply", "token_in": "WETH", "amount": "previous_output"},
            ],
        },
        now=NOW,
    )
    check_instruction(given, VENUES)
    assert given.smart_contract_action is not None
    assert given.smart_contract_action.atomic
    assert [one.protocol for one in given.smart_contract_action.actions] == ["uniswap", "aave"]


def test_a_flat_cancel_names_its_target() -> None:
    given = instruction_from(
        {"instruction_id": "i2", "strategy_id": "s1", "type": "cancel", "venue": "binance", "target": "i1"}, now=NOW
    )
    assert given.cancel is not None
    assert given.cancel.instruction_id == "i1"


def test_an_action_has_no_price_and_its_fields_are_all_named() -> None:
    swap = {"type": "smart_contract_action", "venue": "uniswap", "operation": "swap", "amount": 1}
    assert "takes the market's price" in refused({**MARKET_BUY, **swap, "reference_price": 3000}).message
    block = {"instruction_id": "i1", "strategy_id": "s1", **swap, "zzz": 1}
    assert "chain_id" in refused(block).message
