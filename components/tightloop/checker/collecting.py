"""Reads the topics of a system from beginning to end with ``read_committed``, and the venues' books over HTTP."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tightloop.checker.collected import DELETED, INSTRUCTIONS, JOURNALS, Record, Seen, Venues
from tightloop.checker.contracts import Unreadable, decode

TOPICS = frozenset(
    {
        "instructions",
        "fills",
        "position_updates",
        "reconciliation_results",
        "instruction_results",
        "dead_letters",
        "control",
        "loop_state",
        "positions",
        "reconciliation_state",
        "venue_positions",
        "execution_audit",
    }
)
RETRY_S = 0.2
Place = tuple[str, int]


class Reader:
    """Holds its place: each :meth:`read` gives what came since the last one."""

    def __init__(self, bootstrap: str, prefix: str, client: Mapping[str, Any] | None = None) -> None:
        self._prefix = prefix
        self._client = {"bootstrap.servers": bootstrap, "log_level": 3, **(client or {})}
        self._consumer = Consumer(
            {
                **self._client,
                "group.id": f"checker-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        self._reached: dict[Place, int] = {}
        self._assign()

    def read(self, *, to_the_end: bool = True, deadline_s: float = 60.0) -> list[Seen]:
        """``to_the_end``: of the log, waiting out transactions that are still open; else of what is stable now.

        Raises TimeoutError when the end was not reached, KafkaException when the broker can't be asked.
        """
        deadline = time.monotonic() + deadline_s
        ends = self._ends(to_the_end, deadline)
        records: list[Seen] = []
        while waiting := [place for place, end in ends.items() if self._reached[place] < end]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting} were not read to their ends within {deadline_s} s")
            for message in self._consumer.consume(5000, 0.2):
                error = message.error()
                place = (str(message.topic()), int(message.partition() or 0))
                if error is None:
                    records.append(self._seen(message, place))
                    self._reached[place] = int(message.offset() or 0) + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._reached[place] = max(self._reached[place], int(message.offset() or 0))
                elif error.fatal():
                    raise KafkaException(error)
        return records

    def ends(self, deadline_s: float = 60.0) -> dict[Place, int]:
        """By topic, without the prefix, and partition: the end of the log now."""
        ends = self._ends(True, time.monotonic() + deadline_s)
        return {(topic.removeprefix(self._prefix), number): at for (topic, number), at in ends.items()}

    def close(self) -> None:
        self._consumer.close()

    def _assign(self) -> None:
        known = self._consumer.list_topics(timeout=15).topics
        for name, topic in known.items():
            base = name.removeprefix(self._prefix)
            if name.startswith(self._prefix) and (base in TOPICS or base.startswith((INSTRUCTIONS, JOURNALS))):
                self._reached.update({(name, partition): 0 for partition in topic.partitions})
        if not self._reached:
            raise LookupError(f"the broker has no topics of a system with the prefix {self._prefix!r}")
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in self._reached])

    def _ends(self, of_the_log: bool, deadline: float) -> dict[Place, int]:
        while True:
            try:
                return self._ends_now(of_the_log)
            except KafkaException:  # a broker that has just come back may not lead its partitions yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)

    def _ends_now(self, of_the_log: bool) -> dict[Place, int]:
        level = IsolationLevel.READ_UNCOMMITTED if of_the_log else IsolationLevel.READ_COMMITTED
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(*place): latest for place in self._reached}
        admin = AdminClient(self._client)  # a new one each time: an old one may answer from a cache
        admin.list_topics(timeout=10)  # a client that knows no leader yet was seen to wait for one
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=15)
        return {(place.topic, place.partition): future.result(20).offset for place, future in answers.items()}

    def _seen(self, message: Any, place: Place) -> Seen:
        key, data = message.key(), message.value()
        kind: str
        value: Record
        try:
            kind, value = (DELETED, {}) if data is None else decode(data)
        except Unreadable:
            kind, value = "", {}
        return Seen(
            topic=place[0].removeprefix(self._prefix),
            partition=place[1],
            offset=message.offset(),
            at_ms=message.timestamp()[1],
            key=None if key is None else key.decode(errors="replace"),
            kind=kind,
            value=value,
            headers={name: held or b"" for name, held in message.headers() or ()},
        )


def read_venues(simulator: str, lanes: Collection[str] = (), timeout_s: float = 30.0) -> Venues:
    """``simulator``: ``host:port``. Raises OSError when it can't be asked. ``lanes``: only these; empty: all."""
    accounts = [one for one in _get(simulator, "/admin/books", timeout_s)["accounts"] if _of(one, lanes)]
    requests: list[Record] = []
    after = 0
    while True:
        page = _get(simulator, f"/admin/requests?after={after}", timeout_s)
        requests += [one for one in page["requests"] if _of(one, lanes)]
        if not page["requests"]:
            return Venues(accounts, requests)
        after = page["requests"][-1]["number"]


def _of(one: Record, lanes: Collection[str]) -> bool:
    return not lanes or one["lane"] in lanes


def _get(simulator: str, path: str, timeout_s: float) -> Any:
    with urllib.request.urlopen(f"http://{simulator}{path}", timeout=timeout_s) as answer:
        return json.load(answer)
