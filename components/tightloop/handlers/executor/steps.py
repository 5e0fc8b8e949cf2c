"""A chain of actions that is not atomic: each step is a transaction of its own, sent when the one before it is final.

One loop, and one intent for each step, one after another: the journal's ``attempt`` counts them. What a step did is
reported as ``working``; the last one's end, or that of the first that fails, ends the loop. After a failure no later
step is sent, and what the earlier ones did stays: the outcome is ``partially_filled`` then, with the step's error.
Where the first step fails, its own outcome is the chain's (``rejected``, ``rolled_back``). Pure.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import ids, money
from tightloop.errors import bounded
from tightloop.handlers.calls import LedgerEntry, Refused
from tightloop.handlers.executor.deadline import times_out_at
from tightloop.records.types import (
    Action,
    Delta,
    ErrorInfo,
    JournalEntry,
    Outcome,
    SmartContractAction,
    StepProgress,
)

_NOT_DONE = frozenset({"none", "rejected", "cancelled", "rolled_back", "filled"})


def chain_of(entry: JournalEntry) -> SmartContractAction | None:
    """The chain whose steps are transactions of their own; None: the intent is all there is."""
    instruction = entry.routed.instruction
    chain = instruction.smart_contract_action if instruction else None
    return chain if chain is not None and not chain.atomic and len(chain.actions) > 1 else None


def number_of(entry: JournalEntry) -> int:
    """Which step this intent is, from 0."""
    return entry.attempt - entry.routed.attempt


def begun_at(entry: JournalEntry) -> datetime:
    """Since when it is to be prepared: a later step since the one before it was done."""
    return entry.journalled_at if number_of(entry) else entry.routed.dispatched_at


def goes_on(entry: JournalEntry, outcome: Outcome) -> bool:
    """Is there a step after this one, to be sent now that it is done?"""
    return outcome == "filled" and not entry.cancel_requested and _has_next(entry)


def _has_next(entry: JournalEntry) -> bool:
    chain = chain_of(entry)
    return chain is not None and number_of(entry) + 1 < len(chain.actions)


def next_of(entry: JournalEntry, environment: str, now: datetime) -> JournalEntry:
    """The intent of the next step, still to be prepared."""
    attempt = entry.attempt + 1
    return replace(
        entry,
        attempt=attempt,
        client_order_id=ids.client_order_id(
            environment, entry.strategy_id, entry.account, entry.instruction_id, attempt
        ),
        status="preparing",
        submissions=(),
        tx_hash=None,
        venue_order_id=None,
        found=False,
        may_have_left=False,
        evidence_deadline=None,
        replace_at=None,
        next_try_at=None,
        tries=0,
        outcome=None,
        error=None,
        cancel_at=times_out_at(entry.routed) or entry.routed.not_after,
        journalled_at=now,
        first_journalled_at=now,
    )


def learned(entry: JournalEntry, shown: LedgerEntry) -> JournalEntry:
    """The intent, with the step's outputs (what it gained) and the gas spent so far, after a report of what it did."""
    if chain_of(entry) is None:
        return entry
    spent = sum((fee.amount for fee in shown.fees if fee.kind == "gas"), Decimal(0))
    before = entry.progress.gas_spent if entry.progress else Decimal(0)
    gained = tuple(one for one in shown.deltas if one.source == "trade" and one.amount > 0)
    return replace(entry, progress=StepProgress(outputs=gained, gas_spent=money.tidy(before + spent)))


def filling(entry: JournalEntry, shown: LedgerEntry) -> LedgerEntry:
    """``shown`` as it is reported: a chain fills what its first step takes, as an atomic one does. Amounts of later
    steps are of other tokens, and add up to nothing.
    """
    if chain_of(entry) is None or not number_of(entry):
        return shown
    return replace(shown, amount=Decimal(0))


def told(entry: JournalEntry, outcome: Outcome, error: ErrorInfo | None) -> tuple[Outcome, ErrorInfo | None]:
    """How the chain ended, when this step ended so: with the step named, and what the earlier ones did counted."""
    chain = chain_of(entry)
    if chain is None:
        return outcome, error
    number = number_of(entry)
    if error is not None:
        step = chain.actions[number]
        place = f"step {number + 1} of {len(chain.actions)} ({step.protocol}.{step.operation})"
        error = replace(error, message=bounded(f"{place}: {error.message}"))
    is_short = outcome != "filled" or _has_next(entry)
    if is_short and outcome in _NOT_DONE and (number or outcome == "filled"):
        return "partially_filled", error
    return outcome, error


def alone(entry: JournalEntry) -> JournalEntry | Refused:
    """The intent as its lane is asked to prepare it: this step, and nothing else, its amount known."""
    chain, instruction = chain_of(entry), entry.routed.instruction
    if chain is None or instruction is None:
        return entry
    step = chain.actions[number_of(entry)]
    progress = entry.progress or StepProgress()
    if step.amount_rule == "previous_output":
        amount = _output_for(step, progress.outputs)
        if amount is None:
            return Refused("EXI-007", f"previous_output: the step before brought no amount of {step.token_in} alone")
        step = replace(step, amount_rule="number", amount=amount)
    left = None if chain.max_fee is None else max(chain.max_fee - progress.gas_spent, Decimal(0))
    only = replace(instruction, smart_contract_action=replace(chain, actions=(step,), max_fee=left))
    return replace(entry, routed=replace(entry.routed, instruction=only))


def as_asked(entry: JournalEntry) -> JournalEntry:
    """As :func:`alone`, of a step that was prepared already: it can't be refused any more."""
    asked = alone(entry)
    return entry if isinstance(asked, Refused) else asked


def _output_for(step: Action, outputs: tuple[Delta, ...]) -> Decimal | None:
    """Tokens that came into the wallet come first; of several, those that the step gives."""
    tokens = [one for one in outputs if one.position_key.split(":")[1] == "BaseToken"]
    candidates = tokens or list(outputs)
    if len(candidates) > 1:
        candidates = [one for one in candidates if one.position_key.split(":", 2)[2] == step.token_in]
    return money.tidy(candidates[0].amount) if len(candidates) == 1 else None
