"""Every metric, and what it means. Labels: ``component``, and what each line says."""

from __future__ import annotations

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
