"""The system that is measured: its topics, the simulated exchange's server, and a process for each component."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka.admin import AdminClient, NewTopic

from tightloop.assembly.build import every_component
from tightloop.assembly.config import Config
from tightloop.bench.component import Started
from tightloop.bench.programs import Program, stop_all
from tightloop.bench.ring import HOPS, Hop, topic_of
from tightloop.records import topics
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.kafka.topic_admin import TopicAdmin

LANES = ("binance",)
READY_S = 60.0
PARTITIONS = 8


class System:
    """``folder`` holds the venue's books and the logs of the processes. ``profiles``: where to profile them to.
    ``record``: as the configuration's.
    """

    def __init__(
        self, bootstrap: str, prefix: str, folder: Path, profiles: Path | None = None, *, record: bool = False
    ) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.components: list[Program] = []
        self._folder = folder
        self._profiles = profiles
        self._record = record
        if profiles is not None:
            profiles.mkdir(parents=True, exist_ok=True)
        self._ports: dict[str, int] = {}
        self._starts = 0
        TopicAdmin(KafkaSettings(bootstrap=bootstrap, prefix=prefix)).create(topics.all_topics(LANES), PARTITIONS)
        books = str(folder / "books")
        self.venue = Program("venue", "tightloop.venues.sim.server", "--dir", books, log=folder / "venue.log")
        self._simulator = f"127.0.0.1:{self.venue.hear(READY_S)['port']}"

    @property
    def programs(self) -> list[Program]:
        return [*self.components, self.venue]

    def start(self) -> None:
        """Returns when every component works on all partitions."""
        self._starts += 1
        self.components = [
            self._program(component, lane)
            for component, lane in every_component(Config.model_validate({"lanes": LANES}))
        ]
        for one in self.components:
            self.await_ready(one)

    def stop(self) -> None:
        stop_all(self.components)
        self.components = []

    def close(self) -> None:
        stop_all(self.programs)

    def restart(self, program: Program) -> Program:
        """The same component under the same replica again, at once."""
        lane = next((lane for component, lane in _named() if _name(component, lane) == program.name), None)
        component = next(component for component, lane in _named() if _name(component, lane) == program.name)
        again = self._program(component, lane)
        self.components[self.components.index(program)] = again
        return again

    def component(self, name: str) -> Program:
        return next(one for one in self.components if one.name == name)

    def await_ready(self, program: Program) -> float:
        """Seconds from its start until it worked on all partitions."""
        deadline = time.monotonic() + READY_S
        while len(self.status(program).get("partitions", ())) < PARTITIONS:
            if not program.is_running:
                raise RuntimeError(program.trouble("has ended"))
            if time.monotonic() > deadline:
                raise RuntimeError(program.trouble(f"is not ready after {READY_S} s"))
            time.sleep(0.01)
        return time.monotonic() - program.started

    def status(self, program: Program) -> dict[str, Any]:
        """What its probe says; empty while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[program.name]}/status", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    def _program(self, component: str, lane: str | None) -> Program:
        name = _name(component, lane)
        self._ports[name] = _free_port()
        started = Started(
            component=component,
            lane=lane,
            bootstrap=self.bootstrap,
            prefix=self.prefix,
            simulator=self._simulator,
            lanes=LANES,
            probe_port=self._ports[name],
            record=self._record,
            profile=str(self._profiles / f"{name}-{self._starts}.prof") if self._profiles else None,
        )
        argument = msgspec.json.encode(started).decode()
        return Program(name, "tightloop.bench.component", argument, log=self._folder / f"{name}.log")


class Ring:
    """The bare ring: the same broker, as many processes as a loop has transactional steps."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.programs: list[Program] = []
        self._folder = folder
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
        asked = [NewTopic(topic_of(prefix, number), PARTITIONS, 1) for number in range(HOPS)]
        for future in admin.create_topics(asked).values():
            future.result(30)

    def start(self) -> None:
        for number in range(HOPS):
            hop = Hop(bootstrap=self.bootstrap, prefix=self.prefix, number=number, partitions=PARTITIONS)
            argument = msgspec.json.encode(hop).decode()
            log = self._folder / f"ring-{number}.log"
            self.programs.append(Program(f"ring-{number}", "tightloop.bench.ring", argument, log=log))
        for one in self.programs:
            one.hear(READY_S)

    def stop(self) -> None:
        stop_all(self.programs)
        self.programs = []


def _named() -> list[tuple[str, str | None]]:
    return every_component(Config.model_validate({"lanes": LANES}))


def _name(component: str, lane: str | None) -> str:
    return f"{component}-{lane}" if lane else component


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
