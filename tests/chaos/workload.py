"""The instructions and commands of the chaos run, one function each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.records.types import (
    Action,
    Cancel,
    CexTrade,
    ControlCommand,
    Instruction,
    SmartContractAction,
    WalletTransfer,
)

D = Decimal
LIFE = timedelta(seconds=45)
ELSEWHERE = "0x" + "ab" * 20


def instruction(strategy_id: str, name: str, *, sequence: int | None = None, **payload: Any) -> Instruction:
    """An instruction of now. ``payload``: ``venue``, and one payload."""
    (kind,) = (one for one in payload if one != "venue")
    now = datetime.now(UTC)
    return Instruction(
        instruction_id=name,
        strategy_id=strategy_id,
        type=kind,
        created_at=now,
        expires_at=now + LIFE,
        sequence=sequence,
        **payload,
    )


def with_notes(one: Instruction, notes: dict[str, str]) -> Instruction:
    return replace(one, metadata=notes)


def instruction_of(value: dict[str, Any]) -> Instruction:
    """The record of a trade as the judge has read it, to publish it again as it was."""
    trade = CexTrade(**value["cex_trade"])
    return Instruction(**{**value, "expected_deltas": (), "cex_trade": trade})


def market(side: str = "buy", amount: str = "0.01", symbol: str = "BTC/USDT", venue: str = "binance") -> dict[str, Any]:
    kind = "perp" if symbol.endswith(":USDT") else "spot"
    trade = CexTrade(market=kind, symbol=symbol, side=side, order_type="market", amount=D(amount))
    return {"venue": venue, "cex_trade": trade}


def spend(quote_amount: str = "500", side: str = "buy", venue: str = "binance") -> dict[str, Any]:
    """At the market, for so much of the quote."""
    trade = CexTrade(market="spot", symbol="ETH/USDT", side=side, order_type="market", quote_amount=D(quote_amount))
    return {"venue": venue, "cex_trade": trade}


def limit(
    timeout_ms: int, side: str = "buy", price: str = "100", amount: str = "0.1", venue: str = "binance"
) -> dict[str, Any]:
    """An order that rests, far from the market, until it is cancelled."""
    trade = CexTrade(
        market="spot",
        symbol="BTC/USDT",
        side=side,
        order_type="limit",
        price=D(price),
        amount=D(amount),
        timeout_ms=timeout_ms,
    )
    return {"venue": venue, "cex_trade": trade}


def swap(token_in: str = "USDC", token_out: str = "WETH", amount: str = "100") -> dict[str, Any]:
    step = Action(protocol="uniswap", operation="swap", token_in=token_in, token_out=token_out, amount=D(amount))
    return {"venue": "uniswap", "smart_contract_action": SmartContractAction(chain_id=1, actions=(step,))}


def transfer(
    asset: str = "USDC", amount: str = "5", source: str = "wallet", to: str = ELSEWHERE, release: Any = "on_arrival"
) -> dict[str, Any]:
    moved = WalletTransfer(source=source, destination=to, asset=asset, amount=D(amount), release=release)
    return {"venue": source.partition(":")[0], "wallet_transfer": moved}


def cancel(venue: str, target: str) -> dict[str, Any]:
    return {"venue": venue, "cancel": Cancel(instruction_id=target)}


def halt(strategy_id: str, command_id: str) -> ControlCommand:
    return ControlCommand(
        command_id=command_id,
        strategy_id=strategy_id,
        command="halt",
        actor="chaos",
        reason="set before everything else",
        issued_at=datetime.now(UTC),
    )


def resume(strategy_id: str, halt_ids: tuple[str, ...]) -> ControlCommand:
    """The operator has seen what halted it, and wants it to go on if its positions match."""
    now = datetime.now(UTC)
    return ControlCommand(
        command_id=f"resume-{strategy_id}-{now:%H%M%S%f}",
        strategy_id=strategy_id,
        command="resume",
        expected_halt_ids=halt_ids,
        actor="chaos",
        reason="it was over",
        issued_at=now,
    )


def resolve(strategy_id: str, instruction_id: str) -> ControlCommand:
    """The operator has seen that the venue never had it."""
    return ControlCommand(
        command_id=f"resolve-{instruction_id}",
        strategy_id=strategy_id,
        command="resolve",
        target_id=instruction_id,
        outcome="none",
        actor="chaos",
        reason="the venue's log has no request for it",
        issued_at=datetime.now(UTC),
    )
