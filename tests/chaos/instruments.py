"""What tests add to a component's process: named points at which it stops or kills itself, and switches that take one
safeguard away each.

Points on the way of a request to a venue, in their order: ``after_journal`` (the intent is committed, its call begins),
``before_check`` and ``after_check`` (around the last check before the bytes leave), ``after_answer`` (it is not handed
over yet). Points of the runner: ``before_answers`` (a transaction for answers and timers alone is about to begin),
``before_submit`` (one that journals an intent is), ``in_transaction`` (outputs produced, nothing committed),
``after_transaction`` (committed; its calls have not begun).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tightloop.handlers.calls import Ambiguous, Answer, NotSent, Prepared, Submit
from tightloop.handlers.executor.submissions import times_sent, with_prepared
from tightloop.records.types import JournalEntry
from tightloop.runners.kafka.runner import KafkaRunner
from tightloop.runners.kafka.transaction import Transaction
from tightloop.venues.adapter import Gate, VenueAdapter

Mutation = Callable[[JournalEntry, Gate], Awaitable[Answer]]
SKEW_S = 0.05
VENUE_POINTS = ("after_journal", "before_check", "after_check", "after_answer")
# Of the runner: those that only an executor reaches, those that every component that asks venues does, and the others.
SUBMIT_POINT, ANSWER_POINT, TRANSACTION_POINTS = (
    "before_submit",
    "before_answers",
    ("in_transaction", "after_transaction"),
)
JOURNAL, READ_BACK, SEND_WINDOW, OFFSETS, DEDUPE = "journal", "read-back", "send-window", "offsets", "dedupe"
JOURNALLED_HASH = "journalled-hash"


class Points:
    """Looks for an order to stop or die in ``<folder>/armed.<point>`` each time the point is reached.

    The order is taken by renaming it to ``hit.<point>``, so that it strikes once. It says which ``action`` (``stop`` or
    ``kill``) and, where it is not empty, for which ``strategy``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reach(self, point: str, strategy_id: str = "") -> None:
        armed = self._folder / f"armed.{point}"
        if not armed.exists():
            return
        try:
            order = json.loads(armed.read_text())
            if order["strategy"] and order["strategy"] != strategy_id:
                return
            armed.rename(self._folder / f"hit.{point}")
        except FileNotFoundError:  # it was taken back, or another thread was quicker
            return
        if order["action"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        else:  # to this thread: sent to the process, another thread may take it, and this one run on for a moment
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class SkewedClock:
    """This machine's clock, and what ``<folder>/skew`` says in seconds: looked at often, not each time."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "skew"
        self._skew = timedelta(0)
        self._look_at = 0.0

    def now(self) -> datetime:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + SKEW_S
            with suppress(FileNotFoundError):
                self._skew = timedelta(seconds=float(self._told.read_text()))
        return datetime.now(UTC) + self._skew


class PointedGate:
    def __init__(self, gate: Gate, points: Points, strategy_id: str, always_open: bool) -> None:
        self._gate = gate
        self._points = points
        self._strategy_id = strategy_id
        self._always_open = always_open

    def pass_through(self) -> datetime:
        self._points.reach("before_check", self._strategy_id)
        signed = datetime.now(UTC) if self._always_open else self._gate.pass_through()
        self._points.reach("after_check", self._strategy_id)
        return signed


class PointedAdapter:
    """An adapter with the points on its way, and without the safeguards that are switched off."""

    def __init__(
        self, adapter: VenueAdapter, points: Points, without: frozenset[str], early: EarlyCalls | None
    ) -> None:
        self._adapter = adapter
        self._points = points
        self._without = without
        self._early = early

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> Answer:
        prepared = await self._adapter.prepare(entry, least_nonce)
        if JOURNALLED_HASH in self._without and isinstance(prepared, Prepared):
            return replace(prepared, what=replace(prepared.what, tx_hash="0x" + "00" * 32))
        return prepared

    async def submit(self, entry: JournalEntry, gate: Gate) -> Answer:
        if JOURNALLED_HASH in self._without:
            entry = await self._as_prepared_now(entry)
        answered = self._early.take(entry) if self._early else None
        return answered if answered is not None else await self._mutate(self._adapter.submit, entry, gate)

    async def find(self, entry: JournalEntry) -> Answer:
        if JOURNALLED_HASH in self._without:
            entry = await self._as_prepared_now(entry)
        return await self._adapter.find(entry)

    async def _as_prepared_now(self, entry: JournalEntry) -> JournalEntry:
        """What is sent, and looked for, without a journalled hash: the transaction as it would be signed at this
        moment.
        """
        bare = replace(entry, submissions=())
        prepared = await self._adapter.prepare(bare, None)
        return with_prepared(bare, "first", prepared, entry.journalled_at) if isinstance(prepared, Prepared) else entry

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Answer:
        return await self._mutate(self._adapter.cancel, entry, gate)

    async def _mutate(self, method: Mutation, entry: JournalEntry, gate: Gate) -> Answer:
        self._points.reach("after_journal", entry.strategy_id)
        answer = await method(entry, PointedGate(gate, self._points, entry.strategy_id, SEND_WINDOW in self._without))
        self._points.reach("after_answer", entry.strategy_id)
        if READ_BACK in self._without and isinstance(answer, Ambiguous):
            return NotSent("EXI-003", answer.message)
        return answer


class OpenGate:
    def pass_through(self) -> datetime:
        return datetime.now(UTC)


class EarlyCalls:
    """Without the journal before the call: submits what a transaction is only about to journal."""

    def __init__(self, adapters: Mapping[str, VenueAdapter]) -> None:
        self._adapters = adapters
        self._answers: dict[tuple[str, int], Answer] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def perform(self, entry: JournalEntry) -> None:
        submitting = self._adapters[entry.lane].submit(entry, OpenGate())
        future = asyncio.run_coroutine_threadsafe(submitting, self._loop)
        self._answers[entry.client_order_id, times_sent(entry)] = future.result(10)

    def take(self, entry: JournalEntry) -> Answer | None:
        return self._answers.pop((entry.client_order_id, times_sent(entry)), None)


def pointed_transaction(points: Points, without: frozenset[str], early: EarlyCalls | None) -> type[Transaction]:
    """The runner's transaction with the points in it."""

    class PointedTransaction(Transaction):
        reads_records = True

        def commit(self, workers: Any, offsets: Any) -> None:
            entries = [call.entry for worker in workers for *_, call in worker.asked if isinstance(call, Submit)]
            for entry in entries if early else ():
                early.perform(entry)
            for entry in entries:
                points.reach("before_submit", entry.strategy_id)
            super().commit(workers, offsets)
            points.reach("after_transaction")

        def _send_offsets(self, offsets: Any) -> None:
            points.reach("in_transaction")
            if OFFSETS in without and not self.reads_records:
                return
            super()._send_offsets(offsets)

    return PointedTransaction


def pointed_runner(points: Points) -> type[KafkaRunner]:
    """The runner, which says before each transaction whether it takes in records or only answers and timers."""

    class PointedRunner(KafkaRunner):
        def _commit(self, workers: Any) -> None:
            self._transaction.reads_records = bool(self._batch.read)
            if self._batch.answers and not self._batch.read:
                points.reach("before_answers")
            super()._commit(workers)

    return PointedRunner
