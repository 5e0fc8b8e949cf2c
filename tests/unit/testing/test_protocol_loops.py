"""The protocols of a simulated chain through the whole loop: what is expected of a wallet is what it holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.records.types import Action
from tightloop.testing import LoopDriver, action, swap
from tightloop.venues.sim.commands import AdvanceMarket, Liquidate

D = Decimal


def step(protocol: str, operation: str, amount: str | None = None, **fields: Any) -> Action:
    given_ = None if amount is None else D(amount)
    return Action(protocol=protocol, operation=operation, amount=given_, **fields)


def act(loop: LoopDriver, name: str, *steps: Action, **fields: Any) -> None:
    loop.feed(action(name, loop.now, *steps, venue="wallet", **fields))
    result = loop.result(name)
    assert (result.status, result.outcome) == ("reconciled", "filled"), result
    assert loop.halts() == ()
    assert loop.expected() == loop.held("ethereum")


def test_every_protocol_goes_round_the_loop() -> None:
    loop = LoopDriver()
    bitcoin = {"parameters": {"market": "WBTC/USDC"}}
    act(loop, "i1", swap("WETH", "USDT", D(3)), swap("USDT", "WBTC", D(2000), parameters={"fee": "3000"}), atomic=True)
    act(loop, "i2", step("curve", "add_liquidity", "5000", token_in="USDC"))
    act(loop, "i3", step("curve", "remove_liquidity", "1000", parameters={"pool": "3pool"}))
    act(loop, "i4", step("aave", "supply", "10", token_in="WETH"), step("aave", "borrow", "9000", token_out="USDT"))
    act(loop, "i5", step("aave", "supply", "20000", token_in="USDC"))
    off = {"token_in": "USDC", "parameters": {"enabled": "false"}}
    act(loop, "i6", step("aave", "set_collateral", **off))
    act(loop, "i7", step("morpho", "supply_collateral", "1", token_in="WBTC", **bitcoin))
    act(loop, "i8", step("morpho", "borrow", "20000", token_out="USDC", **bitcoin))
    loop.sandbox.act("ethereum", AdvanceMarket(microseconds=3 * 3_600_000_000), loop.now)
    loop.advance(1800)
    act(loop, "i9", step("morpho", "repay", token_in="USDC", amount_rule="all", **bitcoin))
    assert not [key for key, amount in loop.held("ethereum").items() if key.startswith("morpho:Borrow") and amount]


def test_a_liquidation_is_reported_as_what_accrued_and_halts_nothing() -> None:
    loop = LoopDriver()
    act(loop, "i1", step("aave", "supply", "10", token_in="WETH"), step("aave", "borrow", "9000", token_out="USDT"))
    loop.sandbox.act("ethereum", Liquidate(account="s1", position_key="aave:debtToken:USDT"), loop.now)
    assert loop.expected() != loop.held("ethereum")
    act(loop, "i2", swap("USDT", "WETH", D(10)))
    accrued = [one for one in loop.records("fills", "s1") if one.kind == "accrual"]
    assert [{delta.position_key for delta in one.deltas} for one in accrued] == [
        {"aave:aToken:WETH", "aave:debtToken:USDT"}
    ]
    assert accrued[0].symbol == "WETH/USDT"
