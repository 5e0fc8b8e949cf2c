"""The transactional loop: consume, handle, produce; state and offsets in one transaction; calls after it.

One pass of the loop drains what there is (records, answers, moments that have come), hands it to the partitions'
workers, and commits all they did in one transaction: fast when idle, efficient when busy. ``docs/runner.md`` explains
each rule and what broke without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from tightloop.errors import ExecutionError
from tightloop.handlers.api import Handler
from tightloop.runners import metrics
from tightloop.runners.clock import Clock
from tightloop.runners.kafka.assignment import Assignment
from tightloop.runners.kafka.batch import Answered, Batch
from tightloop.runners.kafka.messages import appended_at, headers_of, place
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import common_partitions
from tightloop.runners.kafka.transaction import MustExit, Transaction, Undone, is_member
from tightloop.runners.kafka.undoing import Undoing
from tightloop.runners.kafka.watchdog import Watchdog
from tightloop.runners.performer import CallLoop
from tightloop.runners.recording.parts import TOPIC as RECORDINGS
from tightloop.runners.shapes import RawRecord
from tightloop.runners.worker import PartitionWorker

log = structlog.get_logger()
IDLE_POLL_S = 0.2
BUSY_POLL_S = 0.001  # while calls are under way: records are looked for this often, and answers waited for
WATCH_POLL_S = 0.01  # while orders work whose venue tells of them: records are looked for this often
READ_EVERY = 8  # records: the venue then answers what the first ones ask while the others are still handled
READ_AHEAD_S = 0.02  # how long a transaction waits for a further answer to what its own events asked
READ_AHEAD_MOST_S = 0.5  # and for all of them
READ_AHEAD_AGAIN_S = 2.0  # a venue that did not answer so soon is not waited for again before this
KEEP_UP_S = 10.0  # how often offsets are committed that no record brought; retention counts in days

Awaited = set[tuple[PartitionWorker, int]]  # reads that were started, by worker and serial


class KafkaRunner:
    """Runs one handler as one replica of a component. ``run`` returns after ``stop``, and raises MustExit."""

    def __init__(
        self,
        handler: Handler,
        settings: KafkaSettings,
        effects: CallLoop[PartitionWorker],
        clock: Clock,
        outputs: Sequence[str],
    ) -> None:
        self.handler = handler
        self.settings = settings
        self._effects = effects
        self._clock = clock
        self._producer = Producer(settings.producer(handler.name))
        self._consumer = Consumer({**settings.consumer(handler.name), "error_cb": self._client_error})
        wanted = {*handler.inputs, *outputs, handler.changelog} - (set() if settings.record else {RECORDINGS})
        partitions = common_partitions(self._consumer, settings.prefix, wanted)
        self.assignment = Assignment(handler, self._consumer, settings, partitions)
        self._transaction = Transaction(self._producer, self._consumer, settings, handler.changelog)
        self._undoing = Undoing(handler.name)
        self._watchdog = Watchdog(settings.watchdog_s, f"{handler.name}-{settings.replica}")
        self._stopping = False
        self._broker_lost = False
        self._is_member = False  # asked for by the loop itself: the client was seen to hang when another thread asks
        self._paused = False
        self._no_wait_before = 0.0
        self._keep_up_at = time.monotonic() + KEEP_UP_S
        self._batch = Batch()
        self._count = metrics.Counted(handler.name)
        self.last_pass = time.monotonic()

    # --- life ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what is under way and return from ``run``. Safe to call from a signal handler."""
        self._stopping = True

    @property
    def ready(self) -> bool:
        """Is it a member of its group, has every partition that was assigned been restored, and does its work last?

        A replica beyond the number of partitions stands by with none, and is ready.
        """
        if self.assignment.restoring or self._undoing.is_stuck:
            return False
        if self.assignment.active:
            return True
        return not self.assignment.holds_any and self._is_member

    def run(self) -> None:
        self._init_transactions()
        for topic in self.handler.inputs:  # a client that knows no leader yet waits for one at its first assign
            self._consumer.list_topics(self.settings.prefix + topic, timeout=10)
        self._consumer.subscribe(
            [self.settings.prefix + topic for topic in self.handler.inputs],
            on_assign=self.assignment.on_assign,
            on_revoke=self.assignment.on_revoke,
            on_lost=self.assignment.on_revoke,
        )
        log.info("started", component=self.handler.name, replica=self.settings.replica)
        try:
            while not self._stopping:
                self._pass()
            self._finish_calls()
        finally:
            self._close()

    def _init_transactions(self) -> None:
        """Before subscribing: ends what a dead predecessor of this name left open, and fences it."""
        self._retry(lambda: self._producer.init_transactions(10.0), 60.0, "init_transactions")

    def _retry(self, call: Callable[[], None], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                call()
                return
            except KafkaException as raised:
                if not raised.args[0].retriable() or time.monotonic() > deadline:
                    raise MustExit(f"{what} failed: {raised.args[0]}") from raised
                log.warning(what, component=self.handler.name, error=str(raised.args[0]))

    def _finish_calls(self) -> None:
        """Take in nothing new, but commit the answers to calls that are under way, so that nobody has to ask again."""
        deadline = time.monotonic() + self.settings.stop_s
        self.assignment.pause(True)
        while (self._effects.outstanding or self._batch.is_open) and time.monotonic() < deadline:
            self._pass()

    def _close(self) -> None:
        self.assignment.stop()
        self._consumer.close()
        self._effects.stop()
        log.info("stopped", component=self.handler.name, replica=self.settings.replica)

    # --- one pass -----------------------------------------------------------------------------------------------------

    def _pass(self) -> None:
        self.last_pass = time.monotonic()
        if self._broker_lost:
            self._start_afresh_with_broker()
            return
        messages = self._poll()
        self.assignment.activate_restored()
        hints = self._effects.take_hints()
        answers = self._effects.take_burst(self.settings.batch_records)
        # Every event's time is taken before the transaction begins: what is journalled counts from there
        for worker in self.assignment.active.values():
            if worker.is_fresh:
                worker.restored(self._clock.now())
        awaited: Awaited = set()
        for number, message in enumerate(messages, 1):
            self._feed(message)
            if number % READ_EVERY == 0:
                awaited |= self._start_reads()
        now = self._clock.now()
        self._handle(answers, now)
        for hint in hints:
            if self.assignment.owns(hint.owner):
                hint.owner.hint(hint.key, hint.client_order_id, now)
        for worker in self.assignment.active.values():
            worker.wake(now)
        self._read_ahead(awaited)
        workers = [worker for worker in self.assignment.active.values() if worker.events]
        due = workers if self._stopping else self._batch.due(workers, self._clock.now())
        if due:
            self._commit(due)
        self._keep_up()
        self._hold_back()
        if not self.assignment.active:
            self._is_member = is_member(self._consumer.consumer_group_metadata())

    def _read_ahead(self, awaited: Awaited) -> None:
        """Perform what the events so far asked to read, and handle the answers that come soon, before committing.

        Reading changes nothing, so it needs no commit before it: where the answers come at once, this is a transaction
        less, and what only said that an answer is awaited is never written. The others are handled when they come.
        """
        until = time.monotonic() + READ_AHEAD_MOST_S
        while True:
            awaited |= self._start_reads()
            if not awaited or not self._await_answer(until):
                return
            answers = self._effects.take(self.settings.batch_records)
            awaited.difference_update((worker, started.serial) for worker, started, _ in answers)
            self._handle(answers, self._clock.now())

    def _start_reads(self) -> Awaited:
        calls = [(worker, one) for worker in self.assignment.active.values() for one in worker.reads()]
        self._effects.start(calls)
        return {(worker, one.serial) for worker, one in calls}

    def _handle(self, answers: list[Answered], now: datetime) -> None:
        """An answer belongs to the worker that asked, and is dropped when that one is gone."""
        for answered in answers:
            worker, started, answer = answered
            if not self.assignment.owns(worker):
                continue
            if worker.answer(started.key, started.call_id, started.serial, answer, now):
                self._batch.answers.append(answered)

    def _client_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._broker_lost = True

    def _start_afresh_with_broker(self) -> None:
        """The broker went away. The next transaction over these clients was seen to hang: end as soon as it is back.

        All components then start at once, instead of each hanging in turn as the next record reaches it.
        """
        try:
            self._consumer.list_topics(timeout=1.0)
        except KafkaException as error:
            log.warning("broker away", component=self.handler.name, error=str(error))
            self._consumer.poll(0)
        else:
            raise MustExit("the broker was away")

    def _await_answer(self, until: float) -> bool:
        """Wait a little for an answer to a read; whether there is one. Where answers take long, do not even wait."""
        now = time.monotonic()
        if now > until or now < self._no_wait_before:
            return False
        if self._effects.wait(READ_AHEAD_S):
            return True
        if time.monotonic() - now < READ_AHEAD_S:  # something else ended the wait
            return False
        self._no_wait_before = now + READ_AHEAD_AGAIN_S
        return False

    def _poll(self) -> list[Message]:
        self.assignment.changed = False
        patience = self._patience()
        watches = patience > 0 and self._effects.watches  # the consumer can't be woken by what a venue tells
        first = self._consumer.poll(0.0 if watches else patience)
        messages = [] if first is None else [first, *self._consumer.consume(self.settings.batch_records - 1, 0)]
        if self.assignment.changed and (messages or self._batch.is_open):
            # A rebalance ran in between: some of these, or of what was handled and not committed, may be another's now
            self._start_over()
            return []
        if not messages and self._effects.outstanding:
            self._effects.wait(BUSY_POLL_S)
        elif not messages and watches:
            self._effects.wait(min(patience, WATCH_POLL_S))
        return messages

    def _patience(self) -> float:
        """How long to wait for a record."""
        if self._effects.outstanding:
            return 0.0
        if self.assignment.restoring:
            return BUSY_POLL_S
        patience = min(IDLE_POLL_S, self._batch.lingers_for())
        wakes = [at for worker in self.assignment.active.values() if (at := worker.next_wake()) is not None]
        if wakes:
            patience = min(patience, (min(wakes) - self._clock.now()).total_seconds())
        return max(0.0, patience)

    def _feed(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            self._consumer_error(message, error)
            return
        full_name, partition, offset = place(message)
        topic = full_name.removeprefix(self.settings.prefix)
        worker = self.assignment.active.get(partition)
        if worker is None:
            return  # fetched before its partition was taken away
        self._batch.read.add((topic, partition))
        headers = partial(headers_of, message)
        raw = RawRecord(topic, partition, offset, message.key(), message.value(), headers, appended_at(message))
        self._count.records_in(topic)
        worker.feed(raw, self._clock.now())

    def _consumer_error(self, message: Message, error: KafkaError) -> None:
        if error.fatal() or error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError._MAX_POLL_EXCEEDED):
            where = f"{message.topic()}/{message.partition()}@{message.offset()}"
            raise MustExit(f"the consumer can't go on at {where}: {error}")
        log.warning("consumer", component=self.handler.name, error=str(error))

    def _commit(self, workers: list[PartitionWorker]) -> None:
        if not self._seal(workers):
            return
        began = time.monotonic()
        self._watchdog.enter()
        read = self._batch.read_by(workers)
        moved = self.assignment.positions(read) if read else {}
        offsets = {
            (topic, worker.partition): at
            for worker in workers
            for topic, at in self.assignment.stands_at(worker.partition).items()
        }
        offsets.update(moved)
        try:
            self._transaction.commit(workers, offsets)
        except Undone as undone:
            self._undo([worker.partition for worker in workers], str(undone))
            return
        finally:
            self._watchdog.leave()
        self._undoing.committed(worker.partition for worker in workers)
        self._batch.committed(workers)
        self.assignment.moved_to(offsets)
        written = [output.topic for worker in workers for output in worker.outputs]
        self._effects.start([(worker, started) for worker in workers for started in worker.commit()])
        self._count.transaction(time.monotonic() - began)
        self._count.records_out(written)

    def _seal(self, workers: Sequence[PartitionWorker]) -> bool:
        """Make bytes of what is to be committed. Where that fails all is handled again, and then each event is encoded
        by itself, so that the one at fault becomes a dead letter.
        """
        faults: dict[int, ExecutionError] = {}
        for worker in workers:
            try:
                worker.seal()
            except ExecutionError as fault:
                faults[worker.partition] = fault
        if faults:
            self._undo(list(faults), "; ".join(f"{fault.code} {fault.message}" for fault in faults.values()))
        return not faults

    def _keep_up(self) -> None:
        """Commit also where no record came: offsets left behind would one day look like records that were missed."""
        if time.monotonic() < self._keep_up_at:
            return
        self._keep_up_at = time.monotonic() + KEEP_UP_S
        idle = {worker.partition: worker for worker in self.assignment.active.values() if not worker.events}
        places = [place for place in self.assignment.passed_by() if place[1] in idle]
        if places:
            self._batch.read.update(places)
            self._commit([idle[partition] for partition in sorted({partition for _, partition in places})])

    def _undo(self, partitions: list[int], why: str) -> None:
        metrics.ABORTS.labels(self.handler.name).inc()
        elsewhere = self.assignment.committed_elsewhere()
        if elsewhere:
            raise MustExit(f"another process has committed for this replica's partitions: {'; '.join(elsewhere)}")
        self._start_over()
        self._undoing.undone(partitions, why)

    def _start_over(self) -> None:
        """Nothing since the last commits happened: its records are read again, its answers handled again."""
        for worker in self.assignment.active.values():
            worker.rollback()
        self.assignment.rewind()
        self._effects.give_back(self._batch.answers)
        self._batch = Batch()

    def _hold_back(self) -> None:
        outstanding = self._effects.outstanding
        self._count.calls_under_way(outstanding)
        if outstanding >= self.settings.max_calls:
            self._paused = True
        elif outstanding <= self.settings.max_calls // 2:
            self._paused = False
        self.assignment.pause(self._paused or self._stopping)
