"""Every metric, and what it means. Labels: ``component``, and what each line says."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

RECORDS_IN = Counter(
    "tightloop_records_in", "Records handled, by input topic.", ("component", "topic"), registry=REGISTRY
)
RECORDS_OUT = Counter(
    "tightloop_records_out", "Records published and committed, by topic.", ("component", "topic"), registry=REGISTRY
)
DEAD_LETTERS = Counter(
    "tightloop_dead_letters",
    "Records that could not be processed. Above zero: look at them.",
    ("component",),
    registry=REGISTRY,
)
TRANSACTIONS = Counter("tightloop_transactions", "Kafka transactions committed.", ("component",), registry=REGISTRY)
ABORTS = Counter(
    "tightloop_aborts",
    "Kafka transactions undone and done again. A few around a rebalance are normal.",
    ("component",),
    registry=REGISTRY,
)
TRANSACTION_SECONDS = Histogram(
    "tightloop_transaction_seconds",
    "From begin to commit of a Kafka transaction.",
    ("component",),
    buckets=_FAST,
    registry=REGISTRY,
)
CALLS_UNDER_WAY = Gauge(
    "tightloop_calls_under_way", "Venue calls started and not answered.", ("component",), registry=REGISTRY
)
PARTITIONS = Gauge(
    "tightloop_partitions",
    "Partitions this replica works on (`active`) or restores (`restoring`).",
    ("component", "state"),
    registry=REGISTRY,
)
STATE_ENTRIES = Gauge("tightloop_state_entries", "Entries of keyed state held.", ("component",), registry=REGISTRY)
RESTORE_SECONDS = Histogram(
    "tightloop_restore_seconds",
    "From assignment of a partition to its first record.",
    ("component",),
    buckets=_FAST,
    registry=REGISTRY,
)


class Counted:
    """What a component counts for every record and transaction: with its labels looked up once."""

    def __init__(self, component: str) -> None:
        self._transactions = TRANSACTIONS.labels(component)
        self._seconds = TRANSACTION_SECONDS.labels(component)
        self._calls = CALLS_UNDER_WAY.labels(component)
        self._in = cache(lambda topic: RECORDS_IN.labels(component, topic))
        self._out = cache(lambda topic: RECORDS_OUT.labels(component, topic))
        self._dead = DEAD_LETTERS.labels(component)
        self._calls_before = -1

    def records_in(self, topic: str) -> None:
        self._in(topic).inc()

    def records_out(self, topics: Iterable[str]) -> None:
        for topic, count in Counts(topics).items():
            self._out(topic).inc(count)
            if topic == "dead_letters":
                self._dead.inc(count)

    def transaction(self, seconds: float) -> None:
        self._transactions.inc()
        self._seconds.observe(seconds)

    def calls_under_way(self, count: int) -> None:
        if count != self._calls_before:
            self._calls_before = count
            self._calls.set(count)
