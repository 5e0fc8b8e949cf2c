"""The topic contracts: what each topic holds, how it is partitioned and kept, who may write and read it.

They are read from ``topics/*.toml``, one file a topic; ``instructions.lane.toml`` is the template of every lane's
topic. Names here are the contract's, without the prefix that keeps systems apart on a shared cluster.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Literal

import msgspec
from msgspec import Struct

from tightloop.records.schemas import contracts_dir

LANE = "{lane}"
_DAY_MS = 86_400_000


class TopicContract(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic.

    ``visibility``: ``public`` for everyone, ``private`` for those named, ``state`` for its component alone.
    ``values``: the record classes it holds; of a state topic whatever its component keeps, and so none are listed.
    ``key``: what the Kafka key is, in words. ``co_partitioned``: it has the same number of partitions as all others
    of which that is true, and a key has the same partition number in each; any other has its own number of them.
    ``retention_days``: only with the cleanup ``delete``. ``max_message_bytes``: the largest batch, and so the largest
    record. Times are the broker's.
    """

    name: str
    doc: str
    visibility: Literal["public", "private", "state"]
    values: tuple[str, ...]
    key: str
    co_partitioned: bool
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    partitions: int
    replication: int
    min_insync_replicas: int
    cleanup: Literal["delete", "compact"]
    max_message_bytes: int
    retention_days: int | None = None
    segment_bytes: int | None = None
    min_cleanable_dirty_ratio: float | None = None

    @property
    def value(self) -> str:
        """The one record class it holds. Raises ValueError for a state topic, which holds several."""
        (value,) = self.values
        return value

    def partition_from(self, partition: int) -> int:
        """Where a component writes what it has to say while it acts for ``partition`` of its inputs."""
        return partition if self.co_partitioned else partition % self.partitions

    def replicas(self, brokers: int) -> int:
        """The replication factor on so many brokers."""
        return min(self.replication, brokers)

    def config(self, brokers: int) -> dict[str, str]:
        """Kafka's own settings, as text, for a cluster of so many brokers: fewer than three can keep fewer in sync."""
        settings = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(max(1, min(self.min_insync_replicas, self.replicas(brokers) - 1))),
        }
        if self.retention_days is not None:
            settings["retention.ms"] = str(self.retention_days * _DAY_MS)
        if self.segment_bytes is not None:
            settings["segment.bytes"] = str(self.segment_bytes)
        if self.min_cleanable_dirty_ratio is not None:
            settings["min.cleanable.dirty.ratio"] = str(self.min_cleanable_dirty_ratio)
        return settings


@cache
def contracts() -> dict[str, TopicContract]:
    """Every contract by its name; the lanes' template has ``{lane}`` in it. Raises ValueError for a bad file."""
    found: dict[str, TopicContract] = {}
    for file in sorted((contracts_dir() / "topics").glob("*.toml")):
        try:
            contract = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), TopicContract)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"{file.name}: {error}") from error
        found[contract.name] = contract
    return found


def all_topics(lanes: Iterable[str]) -> tuple[TopicContract, ...]:
    """Every topic of a system with these lanes, by name."""
    wanted = tuple(lanes)
    expanded = []
    for contract in contracts().values():
        expanded += _of_lanes(contract, wanted) if LANE in contract.name else [contract]
    return tuple(sorted(expanded, key=lambda contract: contract.name))


def _of_lanes(template: TopicContract, lanes: Iterable[str]) -> list[TopicContract]:
    return [msgspec.structs.replace(template, name=template.name.replace(LANE, lane)) for lane in lanes]


@lru_cache(maxsize=1024)
def contract_of(name: str) -> TopicContract:
    """The contract of a topic, a lane's too. Raises KeyError, with the nearest name, for one that has none."""
    found = contracts().get(name)
    if found is not None:
        return found
    for template in contracts().values():
        before, marked, after = template.name.partition(LANE)
        lane = name.removeprefix(before).removesuffix(after)
        if marked and lane and name == f"{before}{lane}{after}":
            return _of_lanes(template, [lane])[0]
    near = get_close_matches(name, contracts(), n=1)
    raise KeyError(f"no topic {name!r}" + (f": did you mean {near[0]!r}?" if near else ""))


def lane_topic(lane: str) -> str:
    """The topic of a lane's loops."""
    return f"instructions.{lane}"
