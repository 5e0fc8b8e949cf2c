"""What ``doctor`` checks, one function a thing."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from tightloop.assembly.config import Config
from tightloop.cli.commands.schemas import frozen_and_compatible
from tightloop.cli.options import Installation, quiet, running_bootstrap
from tightloop.errors import ExecutionError
from tightloop.runners.kafka.settings import KafkaSettings


class Check(Struct, frozen=True):
    """``missing``: something needed is not there. ``note``: worth knowing, nothing fails for it."""

    name: str
    state: Literal["ok", "note", "missing"]
    found: str
    mend: str = ""


def every_check(installation: Installation, directory: Path) -> list[Check]:
    checks = [_python(), _packages(), _java(), _jars(), _schemas()]
    try:
        config = installation.configuration()
    except ExecutionError as error:
        return [*checks, Check("configuration", "missing", error.message, error.remedy)]
    checks.append(Check("configuration", "ok", f"environment {config.environment}, lanes {', '.join(config.lanes)}"))
    checks += [_credentials(config), *_live_lanes(config)]
    address = config.bootstrap or running_bootstrap(directory)
    if address:
        settings = KafkaSettings(bootstrap=address, prefix=config.prefix, client=quiet(config.kafka))
        checks += _kafka(settings, config)
    else:
        checks.append(Check("Kafka", "ok", "none is configured: `demo` and `up` start an embedded one"))
    return [*checks, _simulator(config, directory), _docker()]


def _credentials(config: Config) -> Check:
    """Of the lanes that are not simulated, for executors and for reconciliation: whether they are there, not what."""
    from tightloop.venues.credentials import from_environment

    directory = config.directory()
    live = [lane for lane in directory.lanes.values() if not lane.simulated]
    if not live:
        return Check("credentials", "ok", "none are needed: every venue is simulated")
    lacking = []
    for lane in live:
        venue = directory.venues.find(lane.home)
        for reading in (False, True):
            try:
                from_environment(venue, config.environment, lane=lane.name, reading=reading)
            except ExecutionError as error:
                lacking.append(error.message)
    lanes = ", ".join(lane.name for lane in live)
    if lacking:
        return Check("credentials", "missing", f"for {lanes}: {'; '.join(lacking)}", "Set these variables.")
    return Check("credentials", "ok", f"for {lanes}: all are set, of {config.environment}")


def _live_lanes(config: Config) -> list[Check]:
    """Opened as their components open them: reachability, clock, what the keys may do, the account's position mode."""
    if all(lane.simulated for lane in config.directory().lanes.values()):
        return []
    from tightloop.cli.live_lanes import open_live_lanes

    checks = []
    for one in open_live_lanes(config):
        failed = one.failure
        state: Literal["ok", "missing"] = "ok" if failed is None else "missing"
        words = one.found if failed is None else f"{failed.code} {one.found}"
        checks.append(Check(f"{one.lane}, {one.whose}", state, words, "" if failed is None else failed.remedy))
    return checks


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except ExecutionError as error:
        return Check(name, "missing", error.message, error.remedy)


def _python() -> Check:
    """An older one could not even have started this; it is shown for reports of defects."""
    return Check("Python", "ok", f"{'.'.join(str(part) for part in sys.version_info[:3])} at {sys.executable}")


def _packages() -> Check:
    """What the package itself says it needs, extras apart."""
    try:
        wanted = importlib.metadata.requires("tightloop") or []
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", "note", "tightloop runs from its sources, not installed", "pip install .")
    names = [re.split(r"[ ;<>=!~\[(]", line, maxsplit=1)[0] for line in wanted if "extra ==" not in line]
    lacking = [name for name in names if not _installed(name)]
    if lacking:
        return Check("packages", "missing", f"not installed: {', '.join(lacking)}", f"pip install {' '.join(lacking)}")
    return Check("packages", "ok", f"{len(names)} of {len(names)}")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
        return True
    except importlib.metadata.PackageNotFoundError:
        return False


def _java() -> Check:
    from tightloop.broker.java import find_java

    def look() -> Check:
        java = find_java()
        return Check("Java", "ok", f"{java.version} at {java.path}")

    found = _guarded("Java", look)
    return (
        found if found.state == "ok" else Check("Java", "note", f"{found.found} (for the embedded Kafka)", found.mend)
    )


def _jars() -> Check:
    from tightloop.broker.jars import kafka_cache
    from tightloop.broker.pins import KAFKA_VERSION, pinned_jars

    place = kafka_cache() / "jars"
    lacking = [pin for pin in pinned_jars() if not (place / pin.filename).is_file()]
    if not lacking:
        return Check("Kafka's jars", "ok", f"Apache Kafka {KAFKA_VERSION} in {place}")
    size = sum(pin.size for pin in lacking) / 1e6
    mend = "They are downloaded at the first start; `python -m tightloop.broker --prepare` does it now."
    return Check("Kafka's jars", "note", f"{len(lacking)} are not in {place} ({size:.0f} MB)", mend)


def _schemas() -> Check:
    found = frozen_and_compatible()
    if found["problems"]:
        return Check("schemas", "missing", "; ".join(found["problems"][:3]), "tightloop schemas check")
    if found["not_frozen"]:
        names = ", ".join(found["not_frozen"])
        return Check("schemas", "missing", f"not frozen: {names}", "python -m tightloop.records.freeze")
    return Check("schemas", "ok", f"{found['records']} records, all frozen and compatible")


def _kafka(settings: KafkaSettings, config: Config) -> list[Check]:
    from tightloop.client.connect import reaching
    from tightloop.records.topics import all_topics
    from tightloop.runners.kafka.topic_admin import TopicAdmin

    try:
        with reaching(settings.bootstrap):
            differences = TopicAdmin(settings).plan(all_topics(config.lanes))
    except ExecutionError as error:
        return [Check("Kafka", "missing", error.message, error.remedy)]
    reached = Check("Kafka", "ok", settings.bootstrap)
    lacking = [one.topic for one in differences if one.found is None]
    if lacking:
        words = f"{len(lacking)} are missing: {', '.join(lacking[:4])}{' …' if len(lacking) > 4 else ''}"
        topics = Check("topics", "missing", words, "tightloop topics create")
    elif differences:
        topics = Check("topics", "missing", f"{len(differences)} settings differ", "tightloop topics plan shows them")
    else:
        topics = Check("topics", "ok", "as their contracts say")
    return [reached, topics, _guarded("clock", lambda: _clock(settings, config.timing.clock_margin))]


def _clock(settings: KafkaSettings, margin_s: float) -> Check:
    """Our clock beside the broker's, which stamps what is written to a topic made for this and deleted again."""
    from confluent_kafka import Message, Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    from tightloop.client.connect import TIMEOUT_S, reaching
    from tightloop.client.publisher import producer_settings

    name = f"{settings.prefix}doctor-{uuid.uuid4().hex[:12]}"
    stamps: list[tuple[float, int]] = []

    def told(error: object, message: Message) -> None:
        if error is None:
            stamps.append((time.time(), message.timestamp()[1]))

    with reaching(settings.bootstrap):
        admin = AdminClient(settings.admin())
        topic = NewTopic(
            name, num_partitions=1, replication_factor=1, config={"message.timestamp.type": "LogAppendTime"}
        )
        admin.create_topics([topic])[name].result(TIMEOUT_S)
        try:
            producer = Producer(producer_settings(settings))
            for _ in range(3):  # the first one also waits for metadata
                producer.produce(name, b"clock", on_delivery=told)
                producer.flush(TIMEOUT_S)
        finally:
            admin.delete_topics([name])[name].result(TIMEOUT_S)
    if not stamps:
        return Check("clock", "missing", "the broker confirmed nothing", "See the broker's log.")
    apart = min((ours - stamp / 1000 for ours, stamp in stamps), key=abs)
    words = f"{apart * 1000:+.0f} ms from the broker's, on the way there included"
    if abs(apart) <= margin_s:
        return Check("clock", "ok", words)
    return Check("clock", "missing", words, f"Set the clock by NTP: more than {margin_s:g} s breaks the send window.")


def _simulator(config: Config, directory: Path) -> Check:
    from tightloop.cli.system.child import answers
    from tightloop.cli.system.system_state import read_state

    running = read_state(directory)
    runs = running is not None and (running.is_alive or running.is_orphaned)
    address = running.simulator if runs and running is not None else config.simulator
    host, _, port = address.rpartition(":")
    if answers(int(port), "/admin/health", host):
        return Check("simulated venues", "ok", address)
    mend = "`up` and `demo` start their own; or: tightloop sandbox sim --port 8900 --dir books"
    return Check("simulated venues", "note", f"none at {address}", mend)


def _docker() -> Check:
    path = shutil.which("docker")
    if path is None:
        return Check("Docker", "note", "not installed; nothing here needs it", "Only for the images in deploy/.")
    try:
        done = subprocess.run([path, "info", "-f", "{{.ServerVersion}}"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("Docker", "note", f"does not answer: {error}", "Only for the images in deploy/.")
    if done.returncode == 0:
        return Check("Docker", "ok", done.stdout.strip())
    return Check("Docker", "note", "installed, but its daemon does not answer", "Only for the images in deploy/.")
