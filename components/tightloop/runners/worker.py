"""One partition of one component: feeds its handler and collects what the events did, until a runner commits it.

Every runner drives this class, so a record is checked, handled, dead-lettered and undone in one way only. It calls
:meth:`feed`, :meth:`wake` and :meth:`answer` any number of times, reads :attr:`outputs` and :meth:`changes`, makes them
durable, and then says :meth:`commit`, which returns the calls to perform; or :meth:`rollback`, and nothing happened.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from msgspec import Struct

from tightloop.errors import ExecutionError, error_info
from tightloop.handlers.api import Context, Handler, HandlesHints, Inbound
from tightloop.handlers.calls import Answer, Call, Prepare, ReadLedger, ReadPositions, ReadPrices, Replace
from tightloop.records import topics
from tightloop.records.types import ControlCommand, DeadLetter, UnwrittenHalt
from tightloop.runners import writing
from tightloop.runners.bus import EVERYONE
from tightloop.runners.context import EventContext
from tightloop.runners.partitioner import partition_of
from tightloop.runners.recording.recorder import Recorder
from tightloop.runners.shapes import Output, RawRecord, Started, Stray
from tightloop.runners.state import UNWRITTEN_HALT, PartitionState
from tightloop.runners.writing import DEAD_LETTERS
from tightloop.wire import codec

log = structlog.get_logger()
# Calls that only read need not wait for a commit. (FindOrder does: that it finds nothing is evidence.)
READS = (ReadPositions, ReadLedger, Prepare, Replace, ReadPrices)
MOST_STALE = 1000  # wake-ups that were replaced and not yet forgotten


class PartitionWorker:
    """``partitions``: how many the input topics have, so that a key on the wrong one is noticed.

    ``encodes``: what an event writes becomes bytes as it ends, and must fit its topic. Without it :attr:`outputs` have
    no bytes, and there are no :meth:`changes`. ``seals_late``: all of it becomes bytes in :meth:`seal` alone, each
    entry of the state once, however many events wrote it. ``recorder``: writes down what the worker is given.
    """

    def __init__(
        self,
        handler: Handler,
        partition: int,
        partitions: int,
        *,
        encodes: bool = True,
        seals_late: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        self.handler = handler
        self.recorder = recorder
        self.partition = partition
        self.partitions = partitions
        self.state = PartitionState(f"{handler.changelog}/{partition}")
        self.outputs: list[Output] = []
        self.events = 0  # since the last commit: a transaction is due when there was one
        self.is_fresh = True  # its keys were not yet told that their state was restored, or that was undone
        self._told_now = False  # they were, since the last commit
        self.asked: list[tuple[str, str, Call]] = []  # (key, call id, call), to be started with the commit
        self.wishes: list[tuple[str, datetime | None]] = []  # (key, when it wants to be woken), likewise
        self._wake: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._pending: dict[tuple[str, str], int] = {}
        self._serial = 0
        self._encodes = encodes
        self._seals_late = seals_late
        self._seals_each = encodes and not seals_late  # or what was written late could not be written
        self._taken_wakes: list[tuple[str, datetime]] = []
        self._calls_before: list[tuple[tuple[str, str], int | None]] = []  # to undo what this batch did to `_pending`

    # --- events -------------------------------------------------------------------------------------------------------

    def feed(self, raw: RawRecord, now: datetime) -> None:
        """Handle one record, or dead-letter it. Never raises for what the record holds."""
        self.events += 1
        if self.recorder is not None:
            self.recorder.fed(raw, now)
        if raw.topic == DEAD_LETTERS and not self._is_own(raw.key):
            return  # about a record without a key, for every key, or on the wrong partition: for operators alone
        key: str | None = None
        try:
            key = self._key_of(raw)
            value = self._value_of(raw, key)
        except ExecutionError as error:
            self._bury(raw, key, error, now)
            return
        inbound = Inbound(raw.topic, raw.partition, raw.offset, key, value, len(raw.value or b""), raw.appended_at)
        self._handle(inbound, lambda: raw, now)

    def take(self, record: Inbound, now: datetime) -> None:
        """Handle a record that a worker of this process has written: it is passed on as it is, and was never bytes."""
        self.events += 1
        if self.recorder is not None:
            self.recorder.fed(_encoded(record), now)
        if record.topic == DEAD_LETTERS and not self._is_own(record.key.encode()):
            return
        self._handle(record, lambda: _encoded(record), now)

    def _handle(self, record: Inbound, raw: Callable[[], RawRecord], now: datetime) -> None:
        """``raw``: the record as bytes, should it become a dead letter."""
        key = record.key
        context_key = "" if isinstance(record.value, ControlCommand) and record.value.scope != "key" else key
        try:
            if self.state.has(key, UNWRITTEN_HALT):
                self._check_halt_written(key, now)
            self._event(context_key, now, self.handler.on_record, record)
        except ExecutionError as error:
            self._bury(raw(), key, error, now)
        except Exception as error:  # noqa: BLE001  a defect of ours must cost one key, not the component
            self._bury(raw(), key, self._defect(error, f"{record.topic}/{record.partition}@{record.offset}"), now)

    def wake(self, now: datetime, limit: int = 1000) -> int:
        """Handle the wake-ups that are due, at most ``limit``; returns how many there were."""
        woken = 0
        while self._heap and self._heap[0][0] <= now and woken < limit:
            at, key = heapq.heappop(self._heap)
            if self._wake.get(key) != at:
                continue  # a wish that a later one replaced
            del self._wake[key]
            self._taken_wakes.append((key, at))
            woken += 1
            self._guarded(key, now, "wake-up", self.handler.on_time)
        self.events += woken
        if self.recorder is not None:
            self.recorder.woken(woken, now)
        return woken

    def hint(self, key: str, client_order_id: str, now: datetime) -> None:
        """Let the key know that its venue spoke of this order."""
        if not isinstance(self.handler, HandlesHints):
            return
        self.events += 1
        if self.recorder is not None:
            self.recorder.hinted(key, client_order_id, now)
        self._guarded(key, now, "hint", self.handler.on_hint, client_order_id)

    def answer(self, key: str, call_id: str, serial: int, answer: Answer, now: datetime) -> bool:
        """Handle the answer to a call; False when the call is no longer waited for."""
        if self._pending.get((key, call_id)) != serial:
            return False
        del self._pending[key, call_id]
        self._calls_before.append(((key, call_id), serial))
        self.events += 1
        if self.recorder is not None:
            answer = self.recorder.answered(key, call_id, answer, now)
        self._guarded(key, now, call_id, self.handler.on_answer, call_id, answer)
        return True

    def restored(self, now: datetime) -> None:
        """After the state was loaded: each key asks again for what was under way."""
        self.is_fresh = False
        if self.recorder is not None:
            self.recorder.restored(now)
            self._told_now = True  # should it be undone, it must be recorded again
        self._bury_strays(now)
        for key in self.state.strategies():
            self.events += 1
            self._told_now = True
            self._guarded(key, now, "restore", self.handler.on_restore)

    # --- what a runner needs ------------------------------------------------------------------------------------------

    def next_wake(self) -> datetime | None:
        while self._heap and self._wake.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def is_urgent(self, soon: datetime) -> bool:
        """Does somebody wait for the next commit: a reader, a venue's call, or a wake-up that is due until ``soon``?"""
        if self.outputs or self.asked:
            return True
        return any(at is not None and at <= soon for _, at in self.wishes)

    def pending(self, key: str, call_id: str) -> int | None:
        """The serial number of the call under way under this id."""
        return self._pending.get((key, call_id))

    @property
    def calls_under_way(self) -> int:
        return len(self._pending)

    def seal(self) -> None:
        """Before a commit: what was written becomes bytes, where the worker seals late.

        Raises ExecutionError when a topic does not take them. The batch is to be undone then, and handled again: up to
        the next commit each event's bytes are made as it ends, so that the one at fault is undone alone.
        """
        if self._seals_each or not self._encodes:
            return
        try:
            self._encode(0, 0)
        except ExecutionError:
            self._seals_each = True
            raise

    def changes(self) -> list[tuple[str, str, bytes | None]]:
        """Key, name and bytes of every entry of the state that differs from the last commit; ``None``: it is gone."""
        return self.state.changes()

    def commit(self) -> list[Started]:
        if self.recorder is not None:
            self.recorder.committed()
        self._seals_each = self._encodes and not self._seals_late
        self.state.commit()
        for key, at in self.wishes:
            self._apply_wish(key, at)
        started = self._start(self.asked)
        self._forget_batch()
        return started

    def reads(self) -> list[Started]:
        """The calls asked for that only read: a runner may perform them before the events that asked are durable.

        Their answers may be handled in the same batch. Should it be undone, they are dropped.
        """
        asked = self.asked
        if not asked:
            return []
        wanted = [one for one in asked if isinstance(one[2], READS)]
        if not wanted:
            return []
        asked[:] = [one for one in asked if not isinstance(one[2], READS)]
        self._calls_before += [((key, call_id), self._pending.get((key, call_id))) for key, call_id, _ in wanted]
        return self._start(wanted)

    def _start(self, asked: list[tuple[str, str, Call]]) -> list[Started]:
        """Of several calls under one id only the last is started."""
        started = []
        for key, call_id, call in asked:
            self._serial += 1
            self._pending[key, call_id] = self._serial
            started.append(Started(key, call_id, self._serial, call))
        if len(started) < 2:
            return started
        return [one for one in started if self._pending.get((one.key, one.call_id)) == one.serial]

    def rollback(self) -> None:
        self.is_fresh = self.is_fresh or self._told_now
        if self.recorder is not None:
            self.recorder.undone()
        self.state.rollback()
        for key, at in self._taken_wakes:
            self._apply_wish(key, at)
        for place, serial in reversed(self._calls_before):
            if serial is None:
                self._pending.pop(place, None)
            else:
                self._pending[place] = serial
        self._forget_batch()

    def _forget_batch(self) -> None:
        self._told_now = False
        self.outputs = []
        self.events = 0
        for batch in (self.asked, self.wishes, self._taken_wakes, self._calls_before):
            if batch:
                batch.clear()

    def _apply_wish(self, key: str, at: datetime | None) -> None:
        if at is None:
            self._wake.pop(key, None)
        elif self._wake.get(key) != at:
            self._wake[key] = at
            heapq.heappush(self._heap, (at, key))
            if len(self._heap) > MOST_STALE + 2 * len(self._wake):  # wishes for times far off are replaced all the time
                self._heap = [(when, who) for who, when in self._wake.items()]
                heapq.heapify(self._heap)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _event(self, key: str, now: datetime, run: Callable[..., None], *about: object) -> None:
        """``run`` takes a Context, and what the event is about. What it writes is encoded and measured here.

        So an event that raises, or that writes what its topics do not take, is undone alone.
        """
        written, told, asked, wished = self.state.mark(), len(self.outputs), len(self.asked), len(self.wishes)
        try:
            run(EventContext(self, key, now), *about)
            if self._seals_each:
                self._encode(written, told)
        except BaseException:
            self.state.rollback(written)
            del self.outputs[told:]
            del self.asked[asked:]
            del self.wishes[wished:]
            raise

    def _encode(self, written: int, told: int) -> None:
        for output in self.outputs[told:]:
            if not output.value:  # a dead letter has its bytes
                writing.seal_output(output)
        entries = self.state.encoded(written)
        for place, value in entries.items():
            writing.check_entry(self.handler.changelog, place, value)
        self.state.seal(entries)

    def _guarded(self, key: str, now: datetime, what: str, run: Callable[..., None], *about: object) -> None:
        """An event that no record caused: a failure has no bytes to keep, but it halts the key all the same."""
        if self.state.has(key, UNWRITTEN_HALT):
            try:
                self._check_halt_written(key, now)
            except ExecutionError:
                return  # it has caused a dead letter already
        try:
            self._event(key, now, run, *about)
        except Exception as error:  # noqa: BLE001  as in feed: one key, not the component
            known = error if isinstance(error, ExecutionError) else self._defect(error, what)
            name = f"{self.handler.name}:{what}"
            self._bury(RawRecord(name, self.partition, -1, key.encode(), b""), key, known, now)

    def _defect(self, error: Exception, where: str) -> ExecutionError:
        log.exception("handler failed", component=self.handler.name, where=where)
        return ExecutionError(
            self.handler.failure_code, f"{self.handler.name} failed on {where}: {type(error).__name__}: {error}"
        )

    def _is_own(self, key: bytes | None) -> bool:
        """Whether a key's state is here. Of any other key none must come to be: it would stand beside the real one."""
        return bool(key) and key != EVERYONE.encode() and partition_of(key, self.partitions) == self.partition

    def _key_of(self, raw: RawRecord) -> str:
        if not raw.key:
            raise ExecutionError("TLC-005", f"{_place(raw)} has no key", halts=False)
        if len(raw.key) > writing.KEY_BYTES:
            size, most = len(raw.key), writing.KEY_BYTES
            raise ExecutionError(
                "TLC-015", f"{_place(raw)} has a key of {size} bytes, and may have {most}", halts=False
            )
        try:
            key = raw.key.decode()
        except UnicodeDecodeError:
            raise ExecutionError("TLC-005", f"{_place(raw)} has a key that is not UTF-8 text", halts=False) from None
        expected = partition_of(raw.key, self.partitions)
        anywhere = raw.topic == DEAD_LETTERS or (raw.topic == "control" and key == EVERYONE)
        if expected != raw.partition and not anywhere:
            raise ExecutionError(
                "TLC-006",
                f"{_place(raw)}: key {key!r} belongs on partition {expected} of {self.partitions}; "
                "the publisher must set partitioner=murmur2_random",
                halts=False,
            )
        return key

    def _value_of(self, raw: RawRecord, key: str) -> Any:
        if raw.value is None:
            raise ExecutionError("TLC-001", f"{_place(raw)} has no value")
        contract = topics.contract_of(raw.topic)
        if len(raw.value) > contract.max_message_bytes:
            limit = contract.max_message_bytes
            raise ExecutionError("TLC-010", f"{_place(raw)} has {len(raw.value)} bytes, and may have {limit}")
        value = codec.decode(raw.value)
        expected = contract.value
        if type(value).__name__ != expected:
            raise ExecutionError("TLC-004", f"{_place(raw)} holds a {type(value).__name__}, not a {expected}")
        path = codec.has_unknown(value)
        if path is not None:
            raise ExecutionError("TLC-008", f"{_place(raw)}: {path} holds a symbol this version does not know")
        strategy_id = _belongs_to(value, key)
        if strategy_id != key and not isinstance(value, DeadLetter):
            raise ExecutionError("TLC-007", f"{_place(raw)}: the key is {key!r}, strategy_id is {strategy_id!r}")
        return value

    def _bury_strays(self, now: datetime) -> None:
        """Once for each strategy whose state they seem to be: it is not known what else of their state is in an unknown
        form. Those that belong to no strategy halt nothing: no version of tightloop writes them.
        """
        owners: dict[str | None, list[Stray]] = {}
        for stray in self.state.strays.values():
            owners.setdefault(stray.owner, []).append(stray)
        for owner, strays in owners.items():
            first, more = strays[0], len(strays) - 1
            raw = RawRecord(self.handler.changelog, self.partition, first.offset, first.key, first.value)
            others = f", nor can {more} more" if more else ""
            message = f"{_place(raw)}: the entry's key {first.key!r} can't be read{others}"
            self.events += 1
            self._told_now = True
            self._bury(raw, owner, ExecutionError("TLC-013", message, halts=owner is not None), now)

    def _bury(self, raw: RawRecord, key: str | None, error: ExecutionError, now: datetime) -> None:
        log.error("dead letter", code=error.code, error=error.message, place=_place(raw), halts=error.halts)
        if raw.topic != DEAD_LETTERS:
            self.outputs.append(writing.dead_letter(raw, key, error, self.handler.name, now))
        if key and key != EVERYONE:
            self._tell_dead(key, raw, error, now)

    def _tell_dead(self, key: str, raw: RawRecord, error: ExecutionError, now: datetime) -> None:
        """Where the handler fails on this, too, the state keeps the halt: until it is written, nothing of the key is
        handled.
        """
        try:
            self._event(key, now, self.handler.on_dead, raw.topic, raw.offset, error)
        except Exception:
            log.exception("a halt could not be written", component=self.handler.name, key=key, place=_place(raw))
            if not self.state.has(key, UNWRITTEN_HALT):
                unwritten = UnwrittenHalt(
                    strategy_id=key, topic=raw.topic, offset=raw.offset, error=error_info(error), produced_at=now
                )
                self._event(key, now, lambda context: context.put(UNWRITTEN_HALT, unwritten))

    def _check_halt_written(self, key: str, now: datetime) -> None:
        """Where a halt of the key was not written. Raises ExecutionError TLC-016 while it still can't be."""
        try:
            self._event(key, now, self._write_halt)
        except Exception as error:
            log.exception("a halt could not be written", component=self.handler.name, key=key)
            raise ExecutionError("TLC-016", f"key {key}: {type(error).__name__}: {error}") from error

    def _write_halt(self, context: Context) -> None:
        unwritten = context.get(UNWRITTEN_HALT, UnwrittenHalt)
        if unwritten is not None:
            error = ExecutionError(unwritten.error.code, unwritten.error.message, severity=unwritten.error.severity)
            self.handler.on_dead(context, unwritten.topic, unwritten.offset, error)
            context.delete(UNWRITTEN_HALT)


def _belongs_to(value: Struct, key: str) -> str | None:
    """The Kafka key that the record must have. A command for a venue or for all belongs to no strategy."""
    if isinstance(value, ControlCommand) and value.scope != "key":
        return EVERYONE
    strategy_id: str | None = getattr(value, "strategy_id", key)
    return strategy_id


def _encoded(record: Inbound) -> RawRecord:
    value = codec.encode(record.value)
    return RawRecord(
        record.topic, record.partition, record.offset, record.key.encode(), value, appended_at=record.appended_at
    )


def _place(raw: RawRecord) -> str:
    return f"{raw.topic} partition {raw.partition} offset {raw.offset}"
