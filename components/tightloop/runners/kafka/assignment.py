"""Which partitions this replica works on.

A partition is *held* as far as its input topics were assigned to this member, *restoring* when all of them are, and
*active* once its state is back. Only then is the client told to fetch from it, at the offsets where it will read: what
it was given before, it would fetch from a place of its own, and one that retention has removed stops it for good. With
KIP-848 and the range assignor the topics of a partition number come to one member, but not in one step.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tightloop.handlers.api import Handler
from tightloop.runners import metrics
from tightloop.runners.kafka.restore import ASK_AGAIN_S, Restored, Restorer, committed_offsets
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.transaction import MustExit
from tightloop.runners.recording.recorder import Recorder
from tightloop.runners.worker import PartitionWorker

log = structlog.get_logger()
STABLE_S = 3.0  # how long to wait until the transaction just aborted has left the committed offsets


class Assignment:
    """Its callbacks run inside the consumer's ``poll`` and ``consume``; everything else between them."""

    def __init__(self, handler: Handler, consumer: Consumer, settings: KafkaSettings, partitions: int) -> None:
        self.active: dict[int, PartitionWorker] = {}
        self.changed = False  # a callback ran: what was polled before it may belong to somebody else now
        self._handler = handler
        self._consumer = consumer
        self._settings = settings
        self._prefix = settings.prefix
        self._partitions = partitions
        self._held: dict[int, set[str]] = {}
        self._epochs: Counter[int] = Counter()  # by partition: how often it was revoked; what was asked before is stale
        self._restoring: dict[int, float] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._paused = False
        self._restorer = Restorer(settings, handler.name, handler.inputs, handler.changelog)

    # --- callbacks ----------------------------------------------------------------------------------------------------

    def on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        self.changed = True
        consumer.incremental_assign([])  # the callback must assign; what is fetched, and from where, is known later
        for one in assigned:
            self._held.setdefault(one.partition, set()).add(one.topic.removeprefix(self._prefix))
        complete = [
            partition
            for partition in {one.partition for one in assigned}
            if self._held[partition] == set(self._handler.inputs)
        ]
        for partition in complete:
            self._restoring[partition] = time.monotonic()
        if complete:
            self._restorer.request([(partition, self._epochs[partition]) for partition in sorted(complete)])
        log.info("assigned", component=self._handler.name, partitions=sorted({one.partition for one in assigned}))

    def on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        """No transaction is open here: one is begun only after polling, and ended before the next poll."""
        self.changed = True
        partitions = sorted({one.partition for one in revoked})
        fetched = [place for partition in partitions if partition in self.active for place in self._places(partition)]
        consumer.incremental_unassign(fetched)  # of a partition all that it reads, or none of it
        for one in revoked:
            self._held.get(one.partition, set()).discard(one.topic.removeprefix(self._prefix))
        for partition in partitions:
            self._epochs[partition] += 1
            self._restoring.pop(partition, None)
            self.active.pop(partition, None)
            for topic in self._handler.inputs:
                self._next.pop((topic, partition), None)
        log.info("revoked", component=self._handler.name, partitions=partitions)

    # --- between polls ------------------------------------------------------------------------------------------------

    @property
    def restoring(self) -> int:
        return len(self._restoring)

    @property
    def holds_any(self) -> bool:
        return any(self._held.values())

    def activate_restored(self) -> None:
        """Start fetching from the partitions whose state is back. Raises what a restore failed with."""
        for restored in self._restorer.results():
            if self._epochs[restored.partition] != restored.epoch:
                continue  # revoked meanwhile
            if isinstance(restored.error, KafkaException):
                raise MustExit(f"partition {restored.partition} can't be restored: {restored.error}")
            if restored.error is not None:
                raise restored.error
            self._start_fetching(restored)
            self._activate(restored)

    def _start_fetching(self, restored: Restored) -> None:
        for topic, offset in restored.offsets.items():
            self._next[topic, restored.partition] = offset
        places = self._places(restored.partition)
        self._consumer.incremental_assign(places)
        # The client remembers from an earlier assignment whether a partition was paused.
        (self._consumer.pause if self._paused else self._consumer.resume)(places)

    def _places(self, partition: int) -> list[TopicPartition]:
        """The inputs of a partition that is fetched from, where its last commit stands."""
        return [
            TopicPartition(self._prefix + topic, partition, self._next[topic, partition])
            for topic in self._handler.inputs
        ]

    def _activate(self, restored: Restored) -> None:
        name, partition = self._handler.name, restored.partition
        recorder = Recorder(name, partition, keeps_values=False) if self._settings.record else None
        worker = PartitionWorker(self._handler, partition, self._partitions, seals_late=True, recorder=recorder)
        worker.state = restored.state
        self.active[restored.partition] = worker
        seconds = time.monotonic() - self._restoring.pop(restored.partition)
        metrics.RESTORE_SECONDS.labels(self._handler.name).observe(seconds)
        log.info(
            "partition active",
            component=self._handler.name,
            partition=restored.partition,
            entries=len(worker.state),
            seconds=round(seconds, 3),
        )

    def owns(self, worker: PartitionWorker) -> bool:
        return self.active.get(worker.partition) is worker

    # --- offsets ------------------------------------------------------------------------------------------------------

    def stands_at(self, partition: int) -> dict[str, int]:
        """The next offset of each input topic of an active partition, as last committed."""
        return {topic: self._next[topic, partition] for topic in self._handler.inputs}

    def moved_to(self, offsets: dict[tuple[str, int], int]) -> None:
        self._next.update(offsets)

    def positions(self, topics_read: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Where the consumer now stands on partitions it has read from: control records take offsets too."""
        asked = [TopicPartition(self._prefix + topic, partition) for topic, partition in topics_read]
        answered = self._consumer.position(asked)
        return {(one.topic.removeprefix(self._prefix), one.partition): one.offset for one in answered}

    def passed_by(self) -> list[tuple[str, int]]:
        """Where the consumer stands further on than its last commit although no record came: past markers, or past what
        an aborted transaction left.
        """
        reached = self.positions(list(self._next))
        return [place for place, offset in self._next.items() if reached.get(place, -1) > offset]

    def rewind(self) -> None:
        """Fetch again from where the last commit stands. Raises MustExit."""
        for place in [place for partition in self.active for place in self._places(partition)]:
            try:
                self._consumer.seek(place)
            except KafkaException as error:
                raise MustExit(f"{place.topic}/{place.partition} can't be read again from {place.offset}") from error

    def committed_elsewhere(self) -> list[str]:
        """Places whose committed offset is not where this replica stands, or stays unknown; empty when all is well."""
        places = list(self._next)
        deadline = time.monotonic() + STABLE_S
        committed: dict[tuple[str, int], int] = {}
        while len(committed) < len(places) and time.monotonic() < deadline:
            try:
                committed = committed_offsets(self._settings, self._handler.name, places)  # the abort may not be done
            except KafkaException as error:
                log.warning("committed offsets not known", component=self._handler.name, error=str(error))
            if len(committed) < len(places):
                time.sleep(ASK_AGAIN_S)
        elsewhere = []
        for place in places:
            here, found = self._next[place], committed.get(place)
            if found is None or 0 <= found != here:
                said = f"not known after {STABLE_S:g} s" if found is None else found
                elsewhere.append(f"{place[0]}/{place[1]}: committed {said}, here {here}")
        return elsewhere

    # --- pausing ------------------------------------------------------------------------------------------------------

    def pause(self, paused: bool) -> None:
        """Take in nothing new while too many calls are under way."""
        if paused == self._paused:
            return
        self._paused = paused
        places = [place for partition in self.active for place in self._places(partition)]
        if places:
            (self._consumer.pause if paused else self._consumer.resume)(places)
        log.info("paused" if paused else "resumed", component=self._handler.name)

    def stop(self) -> None:
        self._restorer.stop(5.0)
