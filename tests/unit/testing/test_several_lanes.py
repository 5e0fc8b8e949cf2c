"""A second chain with the same protocols, and a second lane of an exchange: the whole loop, each in its own books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.assembly.config import Config
from tightloop.records.types import Action
from tightloop.testing import LoopDriver, action, halt, swap, trade, transfer

D = Decimal
LANES: dict[str, Any] = {
    "lanes": {
        "binance": {},
        "binance-2": {"venue": "binance"},
        "ethereum": {},
        "arbitrum": {"chain_id": 42161, "venues": ["uniswap", "aave", "wallet"]},
    },
    "accounts": {"desk": {"strategy": "s2", "lane": "binance-2"}},
}
SUPPLY = Action(protocol="aave", operation="supply", token_in="WETH", amount_rule="previous_output")


def lend(loop: LoopDriver, name: str, chain_id: int, dollars: int, **fields: Any) -> None:
    steps = (swap("USDT", "WETH", D(dollars)), SUPPLY)
    loop.feed(action(name, loop.now, *steps, venue="aave", chain_id=chain_id, atomic=True, **fields))
    assert (loop.result(name).status, loop.result(name).outcome) == ("reconciled", "filled"), loop.result(name)


def test_two_chains_with_one_protocol_are_told_apart() -> None:
    loop = LoopDriver(Config.model_validate(LANES))
    lend(loop, "i1", 1, 1000)
    lend(loop, "i2", 42161, 3000)
    expected = loop.expected()
    here, there = expected["aave:aToken:WETH"], expected["aave@s1.arbitrum:aToken:WETH"]
    assert D("2.9") * here < there < D("3.1") * here
    assert loop.held("ethereum")["aave:aToken:WETH"] == here
    assert loop.held("arbitrum", "s1.arbitrum")["aave:aToken:WETH"] == there
    reports = [one for one in loop.records("fills") if one.instruction_id == "i2"]
    assert {(one.lane, one.account, one.chain_id) for one in reports} == {("arbitrum", "s1.arbitrum", 42161)}
    assert loop.records("instructions.arbitrum") and not loop.dead_letters()


def test_a_transfer_says_by_its_account_from_which_chain() -> None:
    loop = LoopDriver(Config.model_validate(LANES))
    loop.feed(transfer("i1", loop.now, "ETH", D(1)))
    refused = loop.result("i1")
    assert refused.error is not None
    assert (refused.status, refused.error.code) == ("refused", "EIM-007")
    assert "s1 on ethereum, s1.arbitrum on arbitrum" in refused.error.message
    loop.feed(transfer("i2", loop.now, "ETH", D(1), account="s1.arbitrum"))
    assert loop.result("i2").outcome == "filled"
    assert D(98) < loop.held("arbitrum", "s1.arbitrum")["wallet:BaseToken:ETH"] < D(99)
    assert "wallet:BaseToken:ETH" not in loop.expected()


def test_a_second_lane_of_an_exchange_has_the_exchanges_rules_and_books_of_its_own() -> None:
    loop = LoopDriver(Config.model_validate(LANES))
    loop.feed(trade("i1", loop.now, account="s1"))
    loop.feed(trade("i2", loop.now, account="s1.binance-2", amount=D("0.02")))
    loop.feed(trade("i3", loop.now, strategy_id="s2", account="desk", amount=D("0.03")))
    loop.feed(trade("i4", loop.now, account="s1.binance-2", amount=D("0.000001")))
    assert [loop.result(name).outcome for name in ("i1", "i2", "i3")] == ["filled"] * 3
    assert [one.code for one in [loop.result("i4").error] if one] == ["EXI-007"]  # below the exchange's step
    expected = loop.expected()
    assert loop.held("binance")["binance:BaseToken:BTC"] == expected["binance:BaseToken:BTC"]
    second = loop.held("binance-2", "s1.binance-2")["binance:BaseToken:BTC"]
    assert second == expected["binance@s1.binance-2:BaseToken:BTC"]
    assert loop.held("binance-2", "desk")["binance:BaseToken:BTC"] == loop.expected("s2")["binance@desk:BaseToken:BTC"]
    assert loop.held("binance", "s1") != loop.held("binance-2", "s1.binance-2")


def test_a_halted_venue_stops_its_every_lane() -> None:
    loop = LoopDriver(Config.model_validate(LANES))
    loop.feed(halt("c1", loop.now, scope="venue", venue="binance"))
    for name, account in (("i1", "s1"), ("i2", "s1.binance-2")):
        loop.feed(trade(name, loop.now, account=account))
        error = loop.result(name).error
        assert error is not None and error.code == "EIM-011"
    loop.feed(action("i3", loop.now, chain_id=42161))
    assert loop.result("i3").outcome == "filled"
