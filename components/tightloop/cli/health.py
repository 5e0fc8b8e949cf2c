"""The state of each component: its process, its probe, and how far behind its input it is."""

from __future__ import annotations

import http.client
import json
from typing import Any

from confluent_kafka import KafkaException
from msgspec import Struct

from tightloop.assembly.build import every_component, make_handler
from tightloop.assembly.config import Config
from tightloop.cli.system.system_state import ProcessState, SystemState, is_same_process
from tightloop.client.connect import Place, end_offsets, partition_counts
from tightloop.client.reader import TopicReader
from tightloop.handlers.api import Handler
from tightloop.runners.kafka.restore import committed_offsets
from tightloop.runners.kafka.settings import KafkaSettings

COUNTED = 2000  # offsets behind, up to which records are counted rather than offsets


class ComponentHealth(Struct, frozen=True):
    """``health``: ``ready``, ``live`` (restoring), ``starting``, ``hung`` (the process is there and does not answer, or
    its loop does not turn), ``down`` (there is no process), or ``unknown`` for one that ``tightloop up`` did not start
    from this directory.

    ``lag``: records of its input that it has not handled, None when that can't be told just now.
    """

    name: str
    component: str
    lane: str | None
    replica: str | None
    pid: int | None
    health: str
    partitions: int | None
    lag: int | None
    restarts: int | None


def components(settings: KafkaSettings, config: Config, running: SystemState | None) -> list[ComponentHealth]:
    """Every component of the configuration; each replica that ``tightloop up`` runs, one line otherwise."""
    found = [probed(one) for one in running.processes if one.component == "simulator"] if running else []
    for component, lane in every_component(config):
        lag = _lag(settings, make_handler(component, lane, config))
        own = [one for one in running.processes if (one.component, one.lane) == (component, lane)] if running else []
        found += [probed(one, lag) for one in own]
        if not own:
            name = f"{component}-{lane}" if lane else component
            found.append(ComponentHealth(name, component, lane, None, None, "unknown", None, lag, None))
    return found


def probed(one: ProcessState, lag: int | None = None) -> ComponentHealth:
    """The state of a process of ``tightloop up`` now, by asking it."""
    there = is_same_process(one.pid, one.created)
    health, partitions = _answer(one) if there else ("down", None)
    pid = one.pid if there else None
    return ComponentHealth(one.name, one.component, one.lane, one.replica, pid, health, partitions, lag, one.restarts)


def _answer(one: ProcessState) -> tuple[str, int | None]:
    path = "/admin/health" if one.component == "simulator" else "/status"
    answer = _get(one.port or 0, path)
    if answer is None:
        return "starting" if one.state == "starting" else "hung", None
    held = answer.get("partitions")
    health = "ready" if answer.get("ready") else "live" if answer.get("live") else "hung"
    return health, len(held) if isinstance(held, list) else None


def _get(port: int, path: str) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", path)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _lag(settings: KafkaSettings, handler: Handler) -> int | None:
    """Offsets count transactions' marks as well, so that a small lag is counted in records."""
    counts = partition_counts(settings, handler.inputs)
    places: list[Place] = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
    try:
        committed = committed_offsets(settings, handler.name, places)
    except KafkaException:
        return None
    if len(committed) < len(places):
        return None  # part of a transaction that is still open
    starts = {place: max(0, offset) for place, offset in committed.items()}
    behind = {place: end - starts[place] for place, end in end_offsets(settings, places).items() if end > starts[place]}
    if not behind or sum(behind.values()) > COUNTED:
        return sum(behind.values())
    waiting = 0
    topics = sorted({topic for topic, _ in behind})
    with TopicReader(settings, topics, {place: starts[place] for place in places if place[0] in topics}) as reader:
        for _ in reader.to_end():
            waiting += 1
    return waiting
