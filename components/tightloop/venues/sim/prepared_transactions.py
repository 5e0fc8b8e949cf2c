"""How a chain lane's transactions are made: from an intent and what the node tells, to exactly what is signed and sent.

Nonce: the wallet's by the latest block, or the journal's where that is higher; never that of "pending". Fees: the cap
is twice the base fee and the tip, the tip what the node suggests with a floor. Gas: the estimate and a fifth. A
replacement pays an eighth more than the dearest of its siblings, on both fees, as a node asks for a tenth.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.handlers.calls import Prepared, Refused
from tightloop.records.types import Instruction, JournalEntry, PreparedTransaction
from tightloop.venues.sim import rounding
from tightloop.venues.sim.chain_settings import NATIVE
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.transactions import Call, Calldata, Simulated, encode_calldata, signed, wallet_address

TIP_FLOOR = Decimal("1e-10")  # native units per gas
BUMP = Decimal("1.125")
EMPTY_GAS = 21_000  # what a transaction without calldata takes
_WEI = Decimal(1).scaleb(-money.PLACES)


# --- what is asked of the node ----------------------------------------------------------------------------------------


def unsupported(entry: JournalEntry) -> Refused | None:
    """Why a chain can't act on this intent at all; None: it can."""
    instruction = entry.routed.instruction
    if instruction is None:
        return Refused("EXI-007", "the intent carries no instruction")
    transfer = instruction.wallet_transfer
    if instruction.smart_contract_action is None and transfer is None:
        return Refused("EXI-013", f"{entry.lane} executes contract actions and transfers only")
    if transfer is not None and (transfer.source != "wallet" or not transfer.destination.startswith("0x")):
        return Refused("EXI-013", "a simulated chain transfers from `wallet` to an address (0x...) only")
    return None


def call_of(entry: JournalEntry) -> Call:
    """What the intent's transaction is to do. ``unsupported`` must have been asked before."""
    instruction: Any = entry.routed.instruction
    transfer = instruction.wallet_transfer
    if transfer is not None and transfer.asset == NATIVE:
        return Call(to=transfer.destination, value=money.tidy(transfer.amount))
    contract = instruction.smart_contract_action
    call = Calldata(
        actions=_actions(instruction),
        decided_at=instruction.created_at,
        atomic=False if contract is None else contract.atomic,
        deadline=None if contract is None else contract.deadline,
        first=entry.attempt - entry.routed.attempt,
    )
    return Call(to=wallet_address(entry.account), data=encode_calldata(call))


def nothing(entry: JournalEntry) -> Call:
    """A call that does nothing: asked for the fees alone."""
    return Call(to=wallet_address(entry.account))


def _actions(instruction: Instruction) -> tuple[ChainAction, ...]:
    transfer = instruction.wallet_transfer
    if transfer is not None:
        moved = ChainAction(
            protocol="wallet",
            operation="transfer",
            token_in=transfer.asset,
            amount=money.tidy(transfer.amount),
            parameters={"to": transfer.destination},
        )
        return (moved,)
    contract: Any = instruction.smart_contract_action
    return tuple(
        [
            ChainAction(
                protocol=action.protocol,
                operation=action.operation,
                token_in=action.token_in,
                token_out=action.token_out,
                amount=_tidy(action.amount),
                amount_rule=action.amount_rule,
                min_amount_out=_tidy(action.min_amount_out),
                max_slippage_bps=_tidy(action.max_slippage_bps),
                parameters=action.parameters,
            )
            for action in contract.actions
        ]
    )


def _tidy(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else money.tidy(amount)


# --- what is made of its answer ---------------------------------------------------------------------------------------


def prepare_transaction(
    entry: JournalEntry, call: Call, told: Simulated, least_nonce: int | None
) -> Prepared | Refused:
    """The intent's first transaction."""
    instruction: Any = entry.routed.instruction
    contract = instruction.smart_contract_action
    if contract is not None and contract.chain_id != told.chain_id:
        return Refused("EXI-007", f"chain id {contract.chain_id}; {entry.lane} is {told.chain_id}")
    tip = max(told.tip, TIP_FLOOR)
    transaction = PreparedTransaction(
        chain_id=told.chain_id,
        nonce=max(told.nonce, least_nonce or 0),
        to=call.to,
        value=call.value,
        data=call.data,
        gas_limit=-(-told.gas * 6 // 5),
        max_fee_per_gas=money.tidy(2 * told.base_fee + tip),
        max_priority_fee_per_gas=money.tidy(tip),
        tx_hash="",
    )
    return _within_means(entry, transaction, told)


def prepare_replacement(entry: JournalEntry, kind: Literal["bump", "cancel"], told: Simulated) -> Prepared | Refused:
    """A sibling that every node takes in the place of any of them."""
    siblings = [one.transaction for one in entry.submissions if one.transaction is not None]
    if not siblings:
        return Refused("EXI-007", "nothing was prepared that could be replaced")
    dearest_cap = max(one.max_fee_per_gas for one in siblings)
    dearest_tip = max(one.max_priority_fee_per_gas for one in siblings)
    tip = max(_above(dearest_tip), told.tip, TIP_FLOOR)
    cap = max(_above(dearest_cap), 2 * told.base_fee + tip)
    latest = siblings[-1]
    if kind == "cancel":
        empty = nothing(entry)
        latest = replace(latest, to=empty.to, value=empty.value, data=empty.data, gas_limit=EMPTY_GAS)
    transaction = replace(latest, max_fee_per_gas=money.tidy(cap), max_priority_fee_per_gas=money.tidy(tip))
    return _within_means(entry, transaction, told)


def _above(fee: Decimal) -> Decimal:
    """An eighth more, rounded up to what there is: a replacement never pays too little by rounding."""
    return rounding.UP.quantize(rounding.UP.multiply(fee, BUMP), _WEI)


def _within_means(entry: JournalEntry, transaction: PreparedTransaction, told: Simulated) -> Prepared | Refused:
    """With its hash, unless it may cost more than the instruction allows or the wallet has."""
    instruction: Any = entry.routed.instruction
    contract = instruction.smart_contract_action
    gas_cost = transaction.gas_limit * transaction.max_fee_per_gas
    if contract is not None and contract.max_fee is not None and gas_cost > contract.max_fee:
        return Refused(
            "EXI-010",
            f"gas may cost {money.text(gas_cost)} ({transaction.gas_limit} at {money.text(transaction.max_fee_per_gas)}"
            f"), the most allowed is {money.text(contract.max_fee)}",
        )
    needed = gas_cost + transaction.value
    if told.balance < needed:
        have = money.text(told.balance)
        return Refused("EXI-006", f"gas and value may take {money.text(needed)} of the native asset, {have} is there")
    return Prepared(signed(entry.account, transaction), told.as_of)
