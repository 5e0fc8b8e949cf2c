"""What a strategy of the demo trades, over and over: a basis trade on an exchange, a carry over a chain's protocols."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tightloop.domain.directory import LaneSpec
from tightloop.records.types import Action, CexTrade, SmartContractAction, WalletTransfer

Fields = dict[str, Any]  # of an Instruction: its type, its venue, and its payload

ADDRESS = "0x000000000000000000000000000000000000dEaD"
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
MARKET = {"market": "WBTC/USDC"}  # of Morpho
TOO_MUCH = Decimal(50)  # BTC, which no account holds


def trades_of(chance: random.Random, lanes: Sequence[LaneSpec]) -> Iterator[tuple[Fields, ...]]:
    """The next trade on each lane in turn, without end: one instruction, or the legs of a group."""
    destination = next((f"{lane.home}:spot" for lane in lanes if lane.kind == "exchange"), ADDRESS)
    cycles = [
        _carry_on_chain(chance, lane.chain_id or 0, destination)
        if lane.kind == "chain"
        else _cash_and_carry(chance, lane.home)
        for lane in lanes
    ]
    while True:
        for cycle in cycles:
            yield next(cycle)


def more_than_there_is(venue: str) -> Fields:
    """A sale that the venue must reject."""
    return trade(venue, "spot", "sell", TOO_MUCH)


def _cash_and_carry(chance: random.Random, venue: str) -> Iterator[tuple[Fields, ...]]:
    """Buy spot and sell the perpetual as one group, the second leg as much as the first filled; later the other way
    round.
    """
    while True:
        amount = Decimal(chance.randint(10, 80)).scaleb(-3)
        yield (
            trade(venue, "spot", "buy", amount),
            {**trade(venue, "perp", "sell", amount), "scale_to_filled": True},
        )
        yield (
            trade(venue, "perp", "buy", amount, reduce_only=True),
            {**trade(venue, "spot", "sell", amount), "scale_to_filled": True},
        )


def _carry_on_chain(chance: random.Random, chain_id: int, destination: str) -> Iterator[tuple[Fields, ...]]:
    for fields in _chain_steps(chance, chain_id, destination):
        yield (fields,)


def _chain_steps(chance: random.Random, chain_id: int, destination: str) -> Iterator[Fields]:
    """Swap into WETH, lend it, borrow against it and move the loan to Curve, all in one transaction; lend and borrow on
    Morpho; then everything back. One step sends ether to ``destination``, the
    strategy's account at an exchange.
    """
    while True:
        dollars, borrowed = Decimal(chance.randint(20, 60) * 100), Decimal(chance.randint(5, 10) * 100)
        ether, bitcoin = Decimal(chance.randint(5, 15)).scaleb(-1), Decimal(chance.randint(5, 15)).scaleb(-2)
        yield on_chain(
            chain_id,
            "aave",
            step("uniswap", "swap", token_in="USDT", token_out="WETH", amount=dollars),
            step("aave", "supply", token_in="WETH", amount_rule="previous_output"),
            step("aave", "borrow", token_out="USDT", amount=borrowed),
            step("curve", "swap", token_in="USDT", token_out="USDC", amount_rule="previous_output"),
            atomic=True,
        )
        yield on_chain(chain_id, "curve", step("curve", "add_liquidity", token_in="USDC", amount=dollars))
        yield on_chain(
            chain_id,
            "morpho",
            step("morpho", "supply_collateral", token_in="WBTC", amount=bitcoin, parameters=MARKET),
            step("morpho", "borrow", token_out="USDC", amount=bitcoin * 10_000, parameters=MARKET),
        )
        yield transfer(destination, ether.scaleb(-1))
        yield on_chain(
            chain_id, "uniswap", step("uniswap", "swap", token_in="USDC", token_out="WETH", amount=ether * 1000)
        )
        yield on_chain(
            chain_id,
            "morpho",
            step("morpho", "repay", token_in="USDC", amount_rule="all", parameters=MARKET),
            step("morpho", "withdraw_collateral", token_out="WBTC", amount_rule="all", parameters=MARKET),
        )
        yield on_chain(
            chain_id, "curve", step("curve", "remove_liquidity", amount_rule="all", parameters={"pool": "3pool"})
        )
        yield on_chain(chain_id, "aave", step("aave", "repay", token_in="USDT", amount_rule="all"))
        yield on_chain(chain_id, "aave", step("aave", "withdraw", token_out="WETH", amount_rule="all"))
        yield on_chain(chain_id, "uniswap", step("uniswap", "swap", token_in="WETH", token_out="USDT", amount=ether))


def trade(venue: str, market: Any, side: Any, amount: Decimal, *, reduce_only: bool = False) -> Fields:
    symbol = SPOT if market == "spot" else PERP
    order = CexTrade(
        market=market, symbol=symbol, side=side, order_type="market", amount=amount, reduce_only=reduce_only
    )
    return {"type": "cex_trade", "venue": venue, "cex_trade": order}


def step(protocol: str, operation: str, **fields: Any) -> Action:
    return Action(protocol=protocol, operation=operation, **fields)


def on_chain(chain_id: int, venue: str, *actions: Action, atomic: bool = False) -> Fields:
    payload = SmartContractAction(chain_id=chain_id, atomic=atomic, actions=actions)
    return {"type": "smart_contract_action", "venue": venue, "smart_contract_action": payload}


def transfer(destination: str, amount: Decimal) -> Fields:
    moved = WalletTransfer(source="wallet", destination=destination, asset="ETH", amount=amount)
    return {"type": "wallet_transfer", "venue": "wallet", "wallet_transfer": moved}
