"""One event at the interface manager: the key's head, its queue, the ids it knows, its halts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tightloop.domain import ids
from tightloop.handlers.api import Context
from tightloop.handlers.manager import bounds
from tightloop.handlers.manager.limits import use
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import (
    AccountRef,
    ErrorInfo,
    Halt,
    Instruction,
    InstructionResult,
    KnownAccount,
    LimitUse,
    LoopHead,
    QueuedInstruction,
    SeenInstruction,
    SharedHalts,
    Slot,
)

LIMIT_USE = "limits"
UNREAD = "unread"  # the entry that holds a key's halt while its head can't be read


class ManagerTurn:
    """Collects what one event changes; :meth:`save` writes the head when it did, and asks to be woken."""

    def __init__(self, context: Context, settings: ManagerSettings) -> None:
        self.context = context
        self.settings = settings
        self.now: datetime = context.now
        self._before = context.get("head", LoopHead) or LoopHead(strategy_id=context.key, produced_at=self.now)
        self.head = self._before
        self._unread = context.get(UNREAD, SharedHalts)
        for one in self._unread.halts if self._unread else ():
            if one not in self.head.halts:
                self.update(halts=(*self.head.halts, one))

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def update(self, **changes: Any) -> None:
        self.head = replace(self.head, **changes)

    def slot(self) -> Slot:
        if self.head.slot is None:
            raise ValueError(f"key {self.context.key} has no loop under way")
        return self.head.slot

    def save(self) -> None:
        if self.head is not self._before:  # what only looked at a key leaves no state of it behind
            self.context.put("head", replace(self.head, produced_at=self.now))
        if self._unread:
            self.context.delete(UNREAD)
        self.context.wake_at(self._next_wake())

    def _next_wake(self) -> datetime | None:
        head = self.head
        due = []
        if head.next_expiry and (head.queued or head.legs):
            due.append(head.next_expiry)
        if head.slot:
            if not head.slot.overdue and not head.slot.suspended:
                due.append(head.slot.deadline_at)
            if head.slot.retry_at:
                due.append(head.slot.retry_at)
        elif (at := self.refresh_at()) is not None:
            due.append(at)
        return min(due) if due else None

    def refresh_at(self) -> datetime | None:
        """When an idle key is to be refreshed; ``None``: not at all."""
        head = self.head
        if self.settings.refresh_s is None or head.slot or head.halts or head.idle_since is None or not self.adopted():
            return None
        if head.group_id is not None:
            return None
        if any(one.scope == "all" for one in self.shared_halts()):
            return None
        return head.idle_since + timedelta(seconds=self.settings.refresh_s)

    # --- accounts -----------------------------------------------------------------------------------------------------

    def known(self, account: AccountRef) -> KnownAccount | None:
        for one in self.head.accounts:
            if one.account == account:
                return one
        return None

    def adopted(self) -> tuple[AccountRef, ...]:
        return tuple(one.account for one in self.head.accounts if one.adopted)

    def put_account(self, known: KnownAccount) -> None:
        others = tuple(one for one in self.head.accounts if one.account != known.account)
        self.update(accounts=(*others, known))

    # --- halts --------------------------------------------------------------------------------------------------------

    def halt(self, halt_id: str, error: ErrorInfo, cause_id: str | None = None, actor: str | None = None) -> None:
        if any(one.halt_id == halt_id for one in self.head.halts):
            return
        halt = Halt(
            halt_id=halt_id,
            code=error.code,
            message=error.message,
            severity=error.severity,
            since=self.now,
            actor=actor,
            cause_id=cause_id,
        )
        self.add_halt(halt)

    def add_halt(self, halt: Halt) -> None:
        """One that is not among the key's yet."""
        self.update(halts=bounds.with_halt(self.head.halts, halt, self.head.strategy_id))

    def shared_halts(self) -> tuple[Halt, ...]:
        shared = self.context.shared().get("halts", SharedHalts)
        return shared.halts if shared else ()

    def halts_for(self, instruction: Instruction) -> tuple[Halt, ...]:
        """The halts that stop an instruction: the key's, those of its venue and of its steps' protocols, and of all."""
        same = self.settings.directory.venues.same
        venues = (instruction.venue, *further_venues(instruction))
        shared = [
            one for one in self.shared_halts() if one.scope == "all" or any(same(one.venue, venue) for venue in venues)
        ]
        return (*self.head.halts, *shared)

    # --- queue --------------------------------------------------------------------------------------------------------

    def enqueue(self, queued: QueuedInstruction) -> str:
        number = self.head.queue_next
        name = f"queue|{number:012d}"
        self.context.put(name, queued)
        first = self.head.queue_first if self.head.queued else number
        expiry = min(queued.expires_at, self.head.next_expiry or queued.expires_at)
        self.update(queue_first=first, queue_next=number + 1, queued=self.head.queued + 1, next_expiry=expiry)
        return name

    def is_busy(self) -> bool:
        """A loop of the key is under way. (A question each time: what is called in between may have started one.)"""
        return self.head.slot is not None

    def first_queued(self) -> tuple[str, QueuedInstruction] | None:
        if not self.head.queued:
            return None
        number = self.head.queue_first
        while number < self.head.queue_next:
            name = f"queue|{number:012d}"
            queued = self.context.get(name, QueuedInstruction)
            if queued is not None:
                if number != self.head.queue_first:
                    self.update(queue_first=number)
                return name, queued
            number += 1
        return None

    def unqueue(self, name: str) -> None:
        self.context.delete(name)
        self.update(queued=self.head.queued - 1)

    # --- ids and results ----------------------------------------------------------------------------------------------

    def seen(self, instruction_id: str) -> SeenInstruction | None:
        return self.context.get(f"seen|{instruction_id}", SeenInstruction)

    def put_seen(self, seen: SeenInstruction) -> None:
        self.context.put(f"seen|{seen.instruction_id}", replace(seen, produced_at=self.now))

    def publish_result(self, result: InstructionResult) -> None:
        self.context.emit("instruction_results", replace(result, finished_at=self.now, produced_at=self.now))
        if self.settings.limits is not None and result.outcome != "unknown":
            self._acts_no_more(result.instruction_id)

    def _acts_no_more(self, instruction_id: str) -> None:
        """It takes up nothing of ``open_notional`` from now on."""
        known = self.context.get(LIMIT_USE, LimitUse)
        if known is not None and (left := use.without(known, instruction_id)) is not known:
            self.put_limit_use(left)

    def put_limit_use(self, used: LimitUse) -> None:
        self.context.put(LIMIT_USE, replace(used, produced_at=self.now))

    def result_of(self, instruction: Instruction, received_at: datetime, **changes: Any) -> InstructionResult:
        """A result of ``instruction``; ``status`` and what else is known come with ``changes``."""
        fields: dict[str, Any] = {
            "instruction_id": instruction.instruction_id,
            "strategy_id": instruction.strategy_id,
            "type": instruction.type,
            "venue": instruction.venue,
            "account": instruction.account,
            "sequence": instruction.sequence,
            "group_id": instruction.group_id,
            "group_index": instruction.group_index,
            "group_size": instruction.group_size,
            "received_at": received_at,
            "finished_at": self.now,
            "produced_at": self.now,
            "trace_id": instruction.trace_id or instruction.instruction_id,
            "causation_id": instruction.instruction_id,
        }
        return InstructionResult(**{**fields, **changes})


def halt_unread(context: Context, error: ErrorInfo) -> None:
    """For a key whose head can't be read, and therefore not be written: its halt is an entry of its own. The first
    event that can read the head takes the halt over; until then every event of the key fails before it decides
    anything.
    """
    halt = Halt(
        halt_id=halt_id(context.key, "dead", UNREAD),
        code=error.code,
        message=error.message,
        severity=error.severity,
        since=context.now,
    )
    context.put(UNREAD, SharedHalts(halts=(halt,), produced_at=context.now))


def halt_id(strategy_id: str, *cause: object) -> str:
    """The same cause always gives the same id."""
    return ids.halt_id(strategy_id, *(str(part) for part in cause))


def further_venues(instruction: Instruction) -> tuple[str, ...]:
    """Of a chain: the protocols of its steps, where they are not the instruction's own venue."""
    chain = instruction.smart_contract_action
    if chain is None:
        return ()
    return tuple(dict.fromkeys(step.protocol for step in chain.actions if step.protocol != instruction.venue))
