"""Between the executor's words and the simulated venues': the same for both faces, HTTP and in process."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from tightloop.handlers.calls import Ambiguous, LedgerEntry, NotFound, NotSent, OrderFound, Refused
from tightloop.records.types import Delta, Fee, Instruction, JournalEntry
from tightloop.venues.sim.commands import Broadcast, CancelWorking, ChainAction, PlaceOrder
from tightloop.venues.sim.errors import meaning

UNSUPPORTED = "EXI-013"
UNAVAILABLE = "EXI-003"


def unsupported(entry: JournalEntry, kind: str) -> Refused | None:
    """Why an exchange or a chain can't act on this intent at all; None: it can."""
    instruction = entry.routed.instruction
    if instruction is None:
        return Refused("EXI-007", "the intent carries no instruction")
    if kind == "exchange":
        return None if instruction.cex_trade else Refused(UNSUPPORTED, f"{entry.lane} executes trades only")
    if entry.nonce is None:
        return Refused("EXI-009", "the intent carries no nonce")
    transfer = instruction.wallet_transfer
    if instruction.smart_contract_action is None and transfer is None:
        return Refused(UNSUPPORTED, f"{entry.lane} executes contract actions and transfers only")
    if transfer is not None and (transfer.source != "wallet" or not transfer.destination.startswith("0x")):
        return Refused(UNSUPPORTED, "a simulated chain transfers from `wallet` to an address (0x...) only")
    return None


def place_order(entry: JournalEntry, signed: datetime) -> PlaceOrder:
    """Exactly the order that was journalled."""
    instruction: Any = entry.routed.instruction
    order: Any = entry.submissions[-1].order
    return PlaceOrder(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        market=order.market,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        timestamp=signed,
        decided_at=instruction.created_at,
        amount=order.amount,
        quote_amount=order.quote_amount,
        price=order.price,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        reference_price=order.reference_price,
        max_slippage_bps=order.max_slippage_bps,
    )


def cancel_order(entry: JournalEntry, signed: datetime) -> CancelWorking:
    return CancelWorking(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        timestamp=signed,
    )


def broadcast(entry: JournalEntry, signed: datetime) -> Broadcast:
    """``unsupported`` must have been asked before."""
    instruction: Any = entry.routed.instruction
    action = instruction.smart_contract_action
    return Broadcast(
        account=entry.account,
        strategy_id=entry.strategy_id,
        instruction_id=entry.instruction_id,
        loop_no=entry.loop_no,
        attempt=entry.attempt,
        client_order_id=entry.client_order_id,
        nonce=entry.nonce or 0,
        tx_hash=transaction_hash(entry),
        chain_id=1 if action is None else action.chain_id,
        decided_at=instruction.created_at,
        actions=_actions(instruction),
        atomic=False if action is None else action.atomic,
        deadline=None if action is None else action.deadline,
        max_fee=None if action is None else action.max_fee,
        timestamp=signed,
    )


def _actions(instruction: Instruction) -> tuple[ChainAction, ...]:
    transfer = instruction.wallet_transfer
    if transfer is not None:
        to = {"to": transfer.destination}
        return (
            ChainAction(
                protocol="wallet", operation="transfer", token_in=transfer.asset, amount=transfer.amount, parameters=to
            ),
        )
    contract: Any = instruction.smart_contract_action
    return tuple(
        [
            ChainAction(
                protocol=action.protocol,
                operation=action.operation,
                token_in=action.token_in,
                token_out=action.token_out,
                amount=action.amount,
                amount_rule=action.amount_rule,
                min_amount_out=action.min_amount_out,
                max_slippage_bps=action.max_slippage_bps,
                parameters=action.parameters,
            )
            for action in contract.actions
        ]
    )


def transaction_hash(entry: JournalEntry) -> str:
    """The journal's; or one made of the intent, so that every submission of it is the same transaction."""
    if entry.tx_hash is not None:
        return entry.tx_hash
    parts = (entry.lane, entry.account, str(entry.nonce), entry.client_order_id)
    return "0x" + blake2b("|".join(parts).encode(), digest_size=32).hexdigest()


# --- answers ------------------------------------------------------------------------------------------------------


def refusal_of_submit(code: str, message: str) -> Refused | NotSent | Ambiguous:
    """What a venue's refusal of a mutating request means."""
    meant = meaning(code)
    if meant.verdict == "refused":
        return Refused(meant.code, message)
    if meant.verdict == "retry":
        return NotSent(meant.code, f"{code}: {message}", 1.0 if code == "rate_limited" else 0.0)
    return Ambiguous(f"{code}: {message}")


def refusal_of_cancel(code: str, message: str, as_of: datetime) -> NotFound | Refused | NotSent | Ambiguous:
    return NotFound(as_of) if meaning(code).verdict == "unknown" else refusal_of_submit(code, message)


def order_found(found: OrderFound, strategy_id: str, account: str) -> OrderFound:
    """The catalogue's code for the venue's, and position keys that name the account where it is not the default."""
    if found.code is not None:
        found = replace(found, code=meaning(found.code).code)
    if account == strategy_id:
        return found
    return replace(found, entries=qualified_entries(found.entries, account))


def qualified_entries(entries: tuple[LedgerEntry, ...], account: str) -> tuple[LedgerEntry, ...]:
    return tuple(
        [
            replace(
                entry,
                deltas=tuple(
                    [
                        Delta(
                            position_key=qualified(delta.position_key, account),
                            amount=delta.amount,
                            source=delta.source,
                        )
                        for delta in entry.deltas
                    ]
                ),
                fees=tuple(
                    [
                        Fee(position_key=qualified(fee.position_key, account), amount=fee.amount, kind=fee.kind)
                        for fee in entry.fees
                    ]
                ),
            )
            for entry in entries
        ]
    )


def qualified(key: str, account: str) -> str:
    venue, colon, rest = key.partition(":")
    return f"{venue}@{account}{colon}{rest}"


def qualified_amounts(amounts: dict[str, Decimal], account: str) -> dict[str, Decimal]:
    return {qualified(key, account): amount for key, amount in amounts.items()}


class ErrorBody(msgspec.Struct, frozen=True):
    """How the server refuses. ``as_of`` is the venue's time, ``nonce`` the wallet's next one (chains)."""

    code: str
    message: str
    as_of: datetime | None = None
    nonce: int | None = None
