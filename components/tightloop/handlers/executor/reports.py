"""Execution reports, made from what a venue showed. Pure functions; every report is incremental."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.domain import ids, money
from tightloop.domain.deltas import added_up
from tightloop.handlers.calls import LedgerEntry, OrderFound
from tightloop.handlers.executor.transit import mark_of
from tightloop.records.types import (
    Delta,
    ErrorInfo,
    ExecutionReport,
    Fee,
    JournalEntry,
    Outcome,
    ReportKind,
    RoutedInstruction,
)

TRADED = frozenset({"trade", "transaction", "transfer"})


def is_accrual(entry: LedgerEntry) -> bool:
    """Is it an entry that no order caused (funding, interest, a deposit)?"""
    if entry.client_order_id is not None or entry.kind in ("trade", "transaction"):
        return False
    return entry.kind != "transfer" or entry.tx_hash is None


def outcome_of(found: OrderFound, filled: Decimal) -> Outcome:
    """What an order that is over came to. ``filled``: all it filled, in base units."""
    match found.status:
        case "filled":
            return "filled"
        case "reverted":
            return "rolled_back"
        case "cancelled":
            return "partially_filled" if filled else "cancelled"
        case "rejected":
            return "rejected"
    raise ValueError(f"an order with status {found.status} is not over")


def report(
    routed: RoutedInstruction,
    *,
    report_no: int,
    kind: ReportKind,
    outcome: Outcome,
    now: datetime,
    simulated: bool,
    shown: LedgerEntry | None = None,
    intent: JournalEntry | None = None,
    error: ErrorInfo | None = None,
    cursor: str | None = None,
    remaining: Decimal | None = None,
    as_of: datetime | None = None,
    takes_back: str | None = None,
) -> ExecutionReport:
    """One report. ``shown`` is the ledger entry it tells of (``None``: an empty final one). ``takes_back``: the earlier
    report of the same entry that it undoes.
    """
    instruction = routed.instruction
    action = instruction.smart_contract_action if instruction else None
    return ExecutionReport(
        report_id=ids.report_id(routed.strategy_id, routed.loop_no, report_no),
        report_no=report_no,
        strategy_id=routed.strategy_id,
        instruction_id=instruction.instruction_id if instruction else None,
        loop_no=routed.loop_no,
        loop_kind=routed.kind,
        kind=kind,
        outcome=outcome,
        lane=routed.lane,
        venue=routed.venue,
        account=routed.account,
        attempt=intent.attempt if intent else None,
        group_id=instruction.group_id if instruction else None,
        venue_order_id=intent.venue_order_id if intent else None,
        client_order_id=intent.client_order_id if intent else None,
        chain_id=action.chain_id if action else None,
        remaining=remaining,
        account_cursor=cursor,
        corrects_report_id=takes_back,
        transfer=mark_of(intent) if intent else None,
        event_time=shown.event_time if shown else (as_of or now),
        observed_at=now,
        simulated=simulated,
        error=error,
        produced_at=now,
        trace_id=routed.trace_id,
        causation_id=routed.causation_id,
        **(_shown(shown) if shown is not None else {}),
    )


def _shown(entry: LedgerEntry) -> dict[str, Any]:
    traded = entry.kind in TRADED
    return {
        "symbol": entry.symbol,
        "side": entry.side,
        "amount": entry.amount if traded else Decimal(0),
        "cost": entry.cost,
        "liquidity": entry.liquidity,
        "deltas": entry.deltas,
        "fees": entry.fees,
        "realised_pnl": entry.realised_pnl,
        "venue_trade_ids": (entry.entry_id,) if traded else (),
        "venue_entry_id": entry.entry_id,
        "tx_hash": entry.tx_hash,
        "block_number": entry.block_number,
        "block_hash": entry.block_hash,
        "venue_sequence": entry.sequence,
        "gas_used": entry.gas_used,
        "effective_gas_price": entry.effective_gas_price,
    }


def correction(
    intent: JournalEntry,
    *,
    outcome: Outcome,
    entries: Iterable[LedgerEntry],
    now: datetime,
    simulated: bool,
    resolved_by: str,
    deltas: tuple[Delta, ...] = (),
    filled: Decimal = Decimal(0),
    error: ErrorInfo | None = None,
) -> ExecutionReport:
    """What an ended loop turned out to have done beyond what its reports held, in one report."""
    shown = tuple(entries)
    costs = [entry.cost for entry in shown if entry.cost is not None]
    last = shown[-1] if shown else None
    routed = intent.routed
    return ExecutionReport(
        report_id=ids.report_id(routed.strategy_id, routed.loop_no, intent.next_report_no),
        report_no=intent.next_report_no,
        strategy_id=routed.strategy_id,
        instruction_id=intent.instruction_id,
        loop_no=routed.loop_no,
        loop_kind=routed.kind,
        kind="correction",
        outcome=outcome,
        lane=routed.lane,
        venue=routed.venue,
        account=routed.account,
        attempt=intent.attempt,
        symbol=last.symbol if last else None,
        side=last.side if last else None,  # type: ignore[arg-type]  # the venue's own two words
        amount=sum((entry.amount for entry in shown), filled),
        cost=sum(costs, Decimal(0)) if costs else None,
        deltas=added_up(delta for entry in shown for delta in entry.deltas) + deltas,
        fees=add_fees(shown),
        venue_order_id=intent.venue_order_id,
        client_order_id=intent.client_order_id,
        venue_trade_ids=tuple(entry.entry_id for entry in shown),
        tx_hash=last.tx_hash if last else intent.tx_hash,
        block_number=last.block_number if last else None,
        venue_sequence=last.sequence if last else None,
        corrects_report_id=intent.report_ids[-1] if intent.report_ids else None,
        resolved_by=resolved_by,
        transfer=mark_of(intent),
        event_time=last.event_time if last else now,
        observed_at=now,
        simulated=simulated,
        error=error,
        produced_at=now,
        trace_id=routed.trace_id,
        causation_id=intent.client_order_id,
    )


def add_fees(entries: Iterable[LedgerEntry]) -> tuple[Fee, ...]:
    """The entries' fees, those of one position and kind added up."""
    sums = money.sums(((fee.position_key, fee.kind), fee.amount) for entry in entries for fee in entry.fees)
    return tuple(Fee(position_key=key, amount=amount, kind=kind) for (key, kind), amount in sums.items())
