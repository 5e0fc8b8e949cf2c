"""Journal entries as the executor writes them, for tests that speak to venues directly."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.records.types import (
    Action,
    CexTrade,
    Instruction,
    JournalEntry,
    PreparedOrder,
    PreparedTransaction,
    PreparedTransfer,
    RoutedInstruction,
    SmartContractAction,
    Submission,
    SubmissionKind,
    WalletTransfer,
)

D = Decimal


def trade(
    account: str,
    name: str,
    now: datetime,
    *,
    lane: str = "binance",
    strategy_id: str | None = None,
    decided_at: datetime | None = None,
    **fields: Any,
) -> JournalEntry:
    """An intent to trade. ``fields`` are those of CexTrade; by default: buy 0.01 BTC spot at the market."""
    chosen: dict[str, Any] = {"market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market"}
    chosen.update(fields)
    if "quote_amount" not in chosen:
        chosen.setdefault("amount", D("0.01"))
    instruction = _instruction("cex_trade", lane, account, name, decided_at or now, strategy_id)
    return _entry(lane, account, name, now, _with(instruction, cex_trade=CexTrade(**chosen)))


def perp(account: str, name: str, now: datetime, **fields: Any) -> JournalEntry:
    """The same on the perpetual."""
    return trade(account, name, now, market="perp", symbol="BTC/USDT:USDT", **fields)


def actions(
    account: str,
    name: str,
    now: datetime,
    *steps: Action,
    decided_at: datetime | None = None,
    strategy_id: str | None = None,
    **fields: Any,
) -> JournalEntry:
    """A transaction on the chain. ``fields`` are those of SmartContractAction."""
    contract = SmartContractAction(chain_id=fields.pop("chain_id", 1), actions=steps, **fields)
    instruction = _instruction("smart_contract_action", "uniswap", account, name, decided_at or now, strategy_id)
    return _entry("ethereum", account, name, now, _with(instruction, smart_contract_action=contract))


def transfer(
    account: str,
    name: str,
    now: datetime,
    asset: str,
    amount: Decimal,
    to: str = "0x" + "ab" * 20,
    *,
    lane: str = "ethereum",
    source: str = "wallet",
    network: str | None = None,
) -> JournalEntry:
    """Out of the wallet, or of an exchange where ``lane`` and ``source`` are one's."""
    moved = WalletTransfer(source=source, destination=to, asset=asset, amount=amount, network=network)
    instruction = _instruction("wallet_transfer", source.partition(":")[0], account, name, now, None)
    return _entry(lane, account, name, now, _with(instruction, wallet_transfer=moved))


def to_be_sent(
    entry: JournalEntry, what: PreparedOrder | PreparedTransaction | PreparedTransfer, kind: SubmissionKind = "first"
) -> JournalEntry:
    """The entry as it is journalled before ``what`` is sent."""
    one = Submission(
        number=len(entry.submissions) + 1,
        kind=kind,
        journalled_at=entry.journalled_at,
        order=what if isinstance(what, PreparedOrder) else None,
        transaction=what if isinstance(what, PreparedTransaction) else None,
        transfer=what if isinstance(what, PreparedTransfer) else None,
    )
    return replace(entry, submissions=(*entry.submissions, one))


def swap(token_in: str, token_out: str, amount: Decimal | None, **fields: Any) -> Action:
    return Action(protocol="uniswap", operation="swap", token_in=token_in, token_out=token_out, amount=amount, **fields)


def lend(operation: str, token: str, amount: Decimal | None = None, **fields: Any) -> Action:
    """supply, withdraw, borrow or repay; without an amount: all."""
    side = "token_in" if operation in ("supply", "repay") else "token_out"
    if amount is None:
        fields.setdefault("amount_rule", "all")
    return Action(protocol="aave", operation=operation, amount=amount, **{side: token}, **fields)


def pool(operation: str, amount: Decimal | None = None, **fields: Any) -> Action:
    """An action of the Curve pool of DAI, USDC and USDT."""
    return Action(protocol="curve", operation=operation, amount=amount, parameters={"pool": "3pool"}, **fields)


def _instruction(
    kind: str, venue: str, account: str, name: str, decided_at: datetime, strategy_id: str | None
) -> Instruction:
    return Instruction(
        instruction_id=name,
        strategy_id=strategy_id or account,
        type=kind,
        venue=venue,
        account=account,
        created_at=decided_at,
    )


def _with(instruction: Instruction, **payload: Any) -> Instruction:
    return replace(instruction, **payload)


def _entry(lane: str, account: str, name: str, now: datetime, instruction: Instruction) -> JournalEntry:
    routed = RoutedInstruction(
        strategy_id=instruction.strategy_id,
        loop_no=1,
        kind="execute",
        lane=lane,
        venue=instruction.venue,
        account=account,
        instruction=instruction,
        dispatched_at=now,
        not_after=now + timedelta(hours=1),
        produced_at=now,
    )
    return JournalEntry(
        strategy_id=instruction.strategy_id,
        account=account,
        lane=lane,
        venue=instruction.venue,
        instruction_id=name,
        loop_no=1,
        attempt=1,
        client_order_id=f"{account}.{name}",
        routed=routed,
        status="journalled",
        journalled_at=now,
        first_journalled_at=now,
        produced_at=now,
    )
