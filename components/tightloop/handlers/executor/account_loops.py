"""Loops that read an account: ``refresh`` and ``verify`` (what accrued since the cursor), ``adopt`` (what is there)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from tightloop.errors import info
from tightloop.handlers import calls
from tightloop.handlers.executor import deposits, reports, transit
from tightloop.handlers.executor.turn import ExecutorTurn, intent_name
from tightloop.records.types import AccountRef, Delta, ErrorInfo, LedgerLoop, ReportKind, RoutedInstruction

READING = "reading|"


def start(turn: ExecutorTurn, routed: RoutedInstruction) -> None:
    """Ask about open intents of the account first: what they did must be known before positions are judged.

    The unknown ones are asked for; the end of those still pursued (of a loop that a resume ended) is waited for.
    """
    questions = [entry for entry in turn.intents() if entry.account == routed.account]
    turn.head = replace(
        turn.head,
        reading=LedgerLoop(
            routed=routed,
            give_up_at=turn.after(turn.settings.read_s),
            open_questions=tuple(intent_name(entry) for entry in questions),
        ),
    )
    for entry in questions:
        if entry.status == "unknown":
            turn.context.call(intent_name(entry), transit.question(entry))
    if not questions:
        _read(turn)


def overtaken(turn: ExecutorTurn, error: ErrorInfo) -> None:
    """Another loop has come: end this one, if there is one. What accrued is read by the next loop that reads the
    ledger.
    """
    if turn.head.reading:
        _end(turn, error=error)


def resume(turn: ExecutorTurn) -> None:
    """After a restore: the questions are asked again by the intents themselves."""
    if turn.head.reading and not turn.head.reading.open_questions:
        _read(turn)


def question_answered(turn: ExecutorTurn, name: str) -> None:
    loop = turn.head.reading
    if loop is None or name not in loop.open_questions:
        return
    left = tuple(one for one in loop.open_questions if one != name)
    turn.head = replace(turn.head, reading=replace(loop, open_questions=left))
    if not left:
        _begin(turn)


def proceed(turn: ExecutorTurn) -> None:
    """The end of some intents may be known by now."""
    loop = turn.head.reading
    if loop is None or not loop.open_questions:
        return
    open_now = {intent_name(entry) for entry in turn.intents()}
    for name in loop.open_questions:
        if name not in open_now:
            question_answered(turn, name)


def on_time(turn: ExecutorTurn) -> None:
    loop = turn.head.reading
    if loop and loop.retry_at and loop.retry_at <= turn.now:
        turn.head = replace(turn.head, reading=replace(loop, retry_at=None))
        _read(turn)


def on_answer(turn: ExecutorTurn, call_id: str, answer: calls.Answer) -> None:
    loop = turn.head.reading
    if loop is None or call_id != f"{READING}{loop.routed.loop_no}":
        return  # of a loop that another has replaced since
    match answer:
        case calls.Ledger():
            _accrued(turn, answer)
        case calls.Positions(complete=True):
            _adopted(turn, loop, answer)
        case calls.Positions():
            _failed(turn, loop, "the snapshot is not complete")
        case calls.Unavailable(code, message):
            _failed(turn, loop, f"{code}: {message}")
        case _:
            raise TypeError(f"a {loop.routed.kind} does not ask for a {type(answer).__name__}")


def _begin(turn: ExecutorTurn) -> None:
    """Everything is known that was asked for first; the time to read counts from now."""
    if turn.head.reading:
        loop = replace(turn.head.reading, give_up_at=turn.after(turn.settings.read_s))
        turn.head = replace(turn.head, reading=loop)
        _read(turn)


def _read(turn: ExecutorTurn) -> None:
    """An account that was adopted before (its loop ended by a resume, say) is not taken over again."""
    loop = turn.head.reading
    if loop is None:
        return
    routed = loop.routed
    account = AccountRef(lane=routed.lane, venue=routed.venue, account=routed.account)
    if routed.kind == "adopt" and not turn.cursor(routed.account):
        call: calls.Call = calls.ReadPositions(account)
    else:
        call = calls.ReadLedger(account, turn.cursor(routed.account))
    turn.context.call(f"{READING}{routed.loop_no}", call)


def _accrued(turn: ExecutorTurn, ledger: calls.Ledger) -> None:
    loop = turn.head.reading
    if loop is None:
        return
    account = loop.routed.account
    for counted in deposits.claimed(turn, account):
        _report(turn, "accrual", shown=deposits.reversal(counted), takes_back=counted.report_id)
    for shown in ledger.entries:
        if reports.is_accrual(shown) and not turn.is_told(account, shown):
            deposits.remember(turn, account, shown, _report(turn, "accrual", shown=shown))
    turn.set_cursor(loop.routed.venue, loop.routed.account, ledger.cursor)
    if ledger.more:
        _read(turn)
    else:
        _end(turn, as_of=ledger.as_of)


def _adopted(turn: ExecutorTurn, loop: LedgerLoop, positions: calls.Positions) -> None:
    turn.set_cursor(loop.routed.venue, loop.routed.account, positions.cursor)
    held = tuple(
        Delta(position_key=key, amount=amount, source="initial")
        for key, amount in sorted(positions.amounts.items())
        if amount != Decimal(0)
    )
    _end(turn, deltas=held, as_of=positions.as_of, sequence=positions.venue_sequence, block=positions.block_number)


def _failed(turn: ExecutorTurn, loop: LedgerLoop, message: str) -> None:
    if turn.now >= loop.give_up_at:
        _end(turn, error=info("EXI-003", f"{loop.routed.account} at {loop.routed.venue} could not be read: {message}"))
        return
    pause = turn.settings.poll_pause(loop.tries)
    turn.head = replace(turn.head, reading=replace(loop, tries=loop.tries + 1, retry_at=turn.after(pause)))


def _end(
    turn: ExecutorTurn,
    *,
    deltas: tuple[Delta, ...] = (),
    error: ErrorInfo | None = None,
    as_of: datetime | None = None,
    sequence: int | None = None,
    block: int | None = None,
) -> None:
    _report(turn, "final", error=error, as_of=as_of, deltas=deltas, sequence=sequence, block=block)
    turn.head = replace(turn.head, reading=None)


def _report(
    turn: ExecutorTurn,
    kind: ReportKind,
    *,
    shown: calls.LedgerEntry | None = None,
    error: ErrorInfo | None = None,
    as_of: datetime | None = None,
    deltas: tuple[Delta, ...] = (),
    sequence: int | None = None,
    block: int | None = None,
    takes_back: str | None = None,
) -> str:
    """The id of the report."""
    loop = turn.head.reading
    if loop is None:
        raise ValueError("a report of a reading loop without one")
    report = reports.report(
        loop.routed,
        report_no=loop.next_report_no,
        kind=kind,
        outcome="none",
        now=turn.now,
        simulated=turn.settings.lane.simulated,
        shown=shown,
        error=error,
        cursor=turn.cursor(loop.routed.account),
        as_of=as_of,
        takes_back=takes_back,
    )
    if shown is None:
        report = replace(report, deltas=deltas, venue_sequence=sequence, block_number=block)
    turn.publish(report)
    turn.head = replace(
        turn.head,
        reading=replace(loop, next_report_no=loop.next_report_no + 1, report_ids=(report.report_id,)),
    )
    return report.report_id
