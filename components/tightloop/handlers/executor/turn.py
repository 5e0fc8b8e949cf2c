"""One event at an executor: the key's head, its intents, and what is published about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from tightloop.handlers.api import Context
from tightloop.handlers.calls import LedgerEntry
from tightloop.handlers.executor import submissions
from tightloop.handlers.executor.settings import ExecutorSettings
from tightloop.records.types import (
    AccountCursor,
    ErrorInfo,
    ExecutionReport,
    ExecutorHead,
    IntentAudit,
    JournalEntry,
)

MOST_TOLD = 256  # references of transfers into one account that its ledger has not shown yet


def intent_name(entry: JournalEntry) -> str:
    """The state entry of an intent, and the id of the one call that is under way for it."""
    return f"intent|{entry.loop_no:012d}|{entry.attempt}"


def cancellable(entry: JournalEntry) -> bool:
    """The venue has shown it, and not yet how it ended."""
    return entry.status == "working"


def _latest(intents: Iterable[JournalEntry]) -> int:
    """The number of the last loop among them; 0: there is none."""
    return max([entry.loop_no for entry in intents], default=0)


class ExecutorTurn:
    """Collects what one event changes; :meth:`save` writes the head when it did."""

    def __init__(self, context: Context, settings: ExecutorSettings) -> None:
        self.context = context
        self.settings = settings
        self.now: datetime = context.now
        self._intents = dict(context.scan("intent", JournalEntry))
        self._loaded = context.get("head", ExecutorHead)
        self.head = self._loaded or ExecutorHead(strategy_id=context.key, produced_at=self.now)
        if self._intents and (latest := _latest(self._intents.values())) > self.head.last_loop_no:
            self.head = replace(self.head, last_loop_no=latest)

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def save(self) -> None:
        """Write what changed, and ask to be woken when the next thing is due."""
        if self.head is not self._loaded and self._is_changed():
            self.context.put("head", replace(self.head, produced_at=self.now))
        due = []
        for entry in self._intents.values():
            if entry.next_try_at:
                due.append(entry.next_try_at)
            if entry.cancel_at and cancellable(entry):
                due.append(entry.cancel_at)
        if self.head.reading and self.head.reading.retry_at:
            due.append(self.head.reading.retry_at)
        self.context.wake_at(min(due) if due else None)

    def _is_changed(self) -> bool:
        """The number of the last loop need not be written while its intent is there to tell it."""
        known = self._loaded
        if known is not None and self.head.last_loop_no == _latest(self._intents.values()):
            known = replace(known, last_loop_no=self.head.last_loop_no)
        return self.head != known

    # --- intents ------------------------------------------------------------------------------------------------------

    def intents(self) -> list[JournalEntry]:
        """As they stand now, the oldest first."""
        if len(self._intents) < 2:
            return list(self._intents.values())
        return [self._intents[name] for name in sorted(self._intents)]

    def pursued(self) -> list[JournalEntry]:
        """Intents that may act, and whose loops are not over."""
        return [entry for entry in self.intents() if entry.status not in ("preparing", "unknown")]

    def preparing(self) -> JournalEntry | None:
        """The one whose submission is not known yet."""
        for entry in self._intents.values():
            if entry.status == "preparing":
                return entry
        return None

    def put(self, entry: JournalEntry) -> JournalEntry:
        entry = replace(entry, produced_at=self.now)
        name = intent_name(entry)
        self._intents[name] = entry
        self.context.put(name, entry)
        return entry

    def drop(self, entry: JournalEntry) -> None:
        name = intent_name(entry)
        self._intents.pop(name, None)
        self.context.delete(name)

    def audit_journalled(self, entry: JournalEntry) -> None:
        """Written together with the answer, not in the transaction that the submission waits for: the journal holds
        it.
        """
        self.audit(entry, "journalled", at=entry.journalled_at)

    def audit(
        self,
        entry: JournalEntry,
        event: str,
        detail: str | None = None,
        error: ErrorInfo | None = None,
        at: datetime | None = None,
        answer: str | None = None,
    ) -> None:
        """``answer``: the venue's own words, where they decided."""
        self.context.emit(
            "execution_audit",
            IntentAudit(
                strategy_id=entry.strategy_id,
                lane=entry.lane,
                venue=entry.venue,
                account=entry.account,
                instruction_id=entry.instruction_id,
                loop_no=entry.loop_no,
                attempt=entry.attempt,
                client_order_id=entry.client_order_id,
                event=event,
                status=entry.status,
                submissions=submissions.times_sent(entry),
                venue_order_id=entry.venue_order_id,
                nonce=submissions.held_nonce(entry),
                tx_hash=submissions.hash_of(entry),
                not_after=entry.routed.not_after,
                detail=detail,
                answer=answer,
                error=error,
                event_time=at or self.now,
                produced_at=self.now,
                trace_id=entry.trace_id,
                causation_id=entry.causation_id,
            ),
        )

    def publish(self, report: ExecutionReport) -> None:
        self.context.emit("fills", report)

    # --- accounts -----------------------------------------------------------------------------------------------------

    def account(self, account: str) -> AccountCursor | None:
        for one in self.head.accounts:
            if one.account == account:
                return one
        return None

    def cursor(self, account: str) -> str | None:
        known = self.account(account)
        return known.cursor if known else None

    def set_cursor(self, venue: str, account: str, cursor: str) -> None:
        known = self.account(account) or AccountCursor(venue=venue, account=account, cursor=cursor)
        self._put_account(replace(known, cursor=cursor))

    def set_least_nonce(self, venue: str, account: str, nonce: int | None) -> None:
        """What the chain has shown so far of the wallet's next nonce; None: what is remembered counts no more."""
        known = self.account(account)
        if (known.next_nonce if known else None) != nonce:
            known = known or AccountCursor(venue=venue, account=account, cursor="")
            self._put_account(replace(known, next_nonce=nonce))

    # --- transfers into an account ------------------------------------------------------------------------------------

    def be_told(self, venue: str, account: str, references: tuple[str, ...]) -> None:
        """Of transfers that come here, whose arrival their own loop tells of."""
        if references:
            known = self.account(account) or AccountCursor(venue=venue, account=account, cursor="")
            told = (*(one for one in known.told if one not in references), *references)
            self._put_account(replace(known, told=told[-MOST_TOLD:]))

    def is_told(self, account: str, shown: LedgerEntry) -> bool:
        """Is this line the arrival of such a transfer? It is passed only once, and then forgotten."""
        known = self.account(account)
        if known is None or shown.kind != "deposit" or shown.tx_hash is None or shown.tx_hash not in known.told:
            return False
        self.forget_told(account, shown.tx_hash)
        return True

    def forget_told(self, account: str, reference: str) -> None:
        known = self.account(account)
        if known is not None:
            self._put_account(replace(known, told=tuple(one for one in known.told if one != reference)))

    def _put_account(self, account: AccountCursor) -> None:
        others = tuple(one for one in self.head.accounts if one.account != account.account)
        self.head = replace(self.head, accounts=(*others, account))
