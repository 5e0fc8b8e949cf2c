"""Valid records with as little as possible said. Every field of the record can be given by name.

Amounts are Decimals; ``at`` is the time the strategy decided (aware, UTC).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.records.types import (
    Action,
    Cancel,
    CexTrade,
    Command,
    ControlCommand,
    Instruction,
    SmartContractAction,
    WalletTransfer,
)
from tightloop.runners.clock import Clock

_TRADE = frozenset(CexTrade.__struct_fields__)
_TRANSFER = frozenset(WalletTransfer.__struct_fields__)
_CONTRACT = frozenset(SmartContractAction.__struct_fields__)


def trade(instruction_id: str, at: datetime, *, strategy_id: str = "s1", **fields: Any) -> Instruction:
    """Buys 0.01 BTC spot at the market on binance, unless ``fields`` (of CexTrade or Instruction) say otherwise."""
    chosen: dict[str, Any] = {"market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market"}
    if "quote_amount" not in fields:
        chosen["amount"] = Decimal("0.01")
    chosen.update({name: fields.pop(name) for name in list(fields) if name in _TRADE})
    if chosen.get("price") is not None and "order_type" not in fields:
        chosen["order_type"] = "limit"
    whole = {"venue": "binance", **fields}
    return Instruction(
        instruction_id=instruction_id,
        strategy_id=strategy_id,
        type="cex_trade",
        created_at=at,
        cex_trade=CexTrade(**chosen),
        **whole,
    )


def perp(instruction_id: str, at: datetime, **fields: Any) -> Instruction:
    """The same on the perpetual ``BTC/USDT:USDT``."""
    return trade(instruction_id, at, **{"market": "perp", "symbol": "BTC/USDT:USDT", **fields})


def action(instruction_id: str, at: datetime, *steps: Action, strategy_id: str = "s1", **fields: Any) -> Instruction:
    """A contract action on ``uniswap``; without steps it swaps 1000 USDT for WETH."""
    chosen: dict[str, Any] = {"chain_id": 1, "actions": steps or (swap("USDT", "WETH", Decimal(1000)),)}
    chosen.update({name: fields.pop(name) for name in list(fields) if name in _CONTRACT})
    whole = {"venue": "uniswap", **fields}
    return Instruction(
        instruction_id=instruction_id,
        strategy_id=strategy_id,
        type="smart_contract_action",
        created_at=at,
        smart_contract_action=SmartContractAction(**chosen),
        **whole,
    )


def swap(token_in: str, token_out: str, amount: Decimal, **fields: Any) -> Action:
    return Action(protocol="uniswap", operation="swap", token_in=token_in, token_out=token_out, amount=amount, **fields)


def transfer(
    instruction_id: str, at: datetime, asset: str, amount: Decimal, *, strategy_id: str = "s1", **fields: Any
) -> Instruction:
    """From the wallet to an address, unless ``fields`` (of WalletTransfer or Instruction) say otherwise."""
    chosen: dict[str, Any] = {"source": "wallet", "destination": "0x" + "ab" * 20, "asset": asset, "amount": amount}
    chosen.update({name: fields.pop(name) for name in list(fields) if name in _TRANSFER})
    whole = {"venue": chosen["source"].partition(":")[0].partition("@")[0], **fields}
    return Instruction(
        instruction_id=instruction_id,
        strategy_id=strategy_id,
        type="wallet_transfer",
        created_at=at,
        wallet_transfer=WalletTransfer(**chosen),
        **whole,
    )


def cancel(
    instruction_id: str, at: datetime, target: str, *, strategy_id: str = "s1", venue: str = "binance", **fields: Any
) -> Instruction:
    """Cancels the instruction ``target``."""
    return Instruction(
        instruction_id=instruction_id,
        strategy_id=strategy_id,
        type="cancel",
        venue=venue,
        created_at=at,
        cancel=Cancel(instruction_id=target),
        **fields,
    )


def cancel_group(
    instruction_id: str, at: datetime, group_id: str, *, strategy_id: str = "s1", venue: str = "binance", **fields: Any
) -> Instruction:
    """Cancels what is left of the group."""
    made = cancel(instruction_id, at, "", strategy_id=strategy_id, venue=venue, **fields)
    return replace(made, cancel=Cancel(group_id=group_id))


def group(group_id: str, *legs: Instruction) -> tuple[Instruction, ...]:
    """These instructions as the legs of a group, in this order."""
    return tuple(
        replace(leg, group_id=group_id, group_index=index, group_size=len(legs)) for index, leg in enumerate(legs)
    )


def command(
    name: Command, command_id: str, at: datetime, *, strategy_id: str | None = "s1", **fields: Any
) -> ControlCommand:
    """An operator's command; with ``scope`` ``venue`` or ``all`` it is for no single strategy."""
    if fields.get("scope", "key") != "key":
        strategy_id = None
    whole = {"actor": "operator", "reason": "a test", **fields}
    return ControlCommand(command_id=command_id, command=name, strategy_id=strategy_id, issued_at=at, **whole)


def halt(command_id: str, at: datetime, **fields: Any) -> ControlCommand:
    return command("halt", command_id, at, **fields)


def resume(command_id: str, at: datetime, *halt_ids: str, **fields: Any) -> ControlCommand:
    """Names the halts it clears."""
    return command("resume", command_id, at, expected_halt_ids=halt_ids, **fields)


class Builders:
    """The same, decided at the clock's time: ``Builders(clock).trade("i1", side="sell")``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def trade(self, instruction_id: str, **fields: Any) -> Instruction:
        return trade(instruction_id, self._clock.now(), **fields)

    def perp(self, instruction_id: str, **fields: Any) -> Instruction:
        return perp(instruction_id, self._clock.now(), **fields)

    def action(self, instruction_id: str, *steps: Action, **fields: Any) -> Instruction:
        return action(instruction_id, self._clock.now(), *steps, **fields)

    def transfer(self, instruction_id: str, asset: str, amount: Decimal, **fields: Any) -> Instruction:
        return transfer(instruction_id, self._clock.now(), asset, amount, **fields)

    def cancel(self, instruction_id: str, target: str, **fields: Any) -> Instruction:
        return cancel(instruction_id, self._clock.now(), target, **fields)

    def halt(self, command_id: str, **fields: Any) -> ControlCommand:
        return halt(command_id, self._clock.now(), **fields)

    def resume(self, command_id: str, *halt_ids: str, **fields: Any) -> ControlCommand:
        return resume(command_id, self._clock.now(), *halt_ids, **fields)
