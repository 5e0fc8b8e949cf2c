"""One component of the system that is measured, as its process. ``python -m tightloop.bench.component`` takes JSON.

It runs what ``tightloop run`` runs. For measuring there are two extras: ``profile`` writes a profile of the main
thread there at the end, and on SIGUSR1 the next transaction stops before it commits, so that a SIGKILL hits it there.
"""

from __future__ import annotations

import cProfile
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import msgspec
import structlog
from confluent_kafka import Producer
from msgspec import Struct

from tightloop.assembly.config import Config
from tightloop.assembly.process import run_component
from tightloop.runners.kafka import transaction


class Started(Struct, frozen=True, kw_only=True):
    component: str
    lane: str | None
    bootstrap: str
    prefix: str
    simulator: str
    lanes: tuple[str, ...]
    probe_port: int
    record: bool = False
    profile: str | None = None


def main(argument: str) -> int:
    started = msgspec.json.decode(argument, type=Started)
    config = Config.model_validate(
        {
            "bootstrap": started.bootstrap,
            "prefix": started.prefix,
            "simulator": started.simulator,
            "lanes": started.lanes,
            "record": started.record,
        }
    )
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for the bench
    _halt_on_signal()
    if started.profile is None:
        return _run(started, config)
    profile = cProfile.Profile(time.thread_time)  # what the thread computes, not what it waits for
    try:
        return profile.runcall(_run, started, config)
    finally:
        profile.dump_stats(Path(started.profile))


def _run(started: Started, config: Config) -> int:
    return run_component(started.component, started.lane, config, probe_port=started.probe_port)


def _halt_on_signal() -> None:
    """After SIGUSR1 the next transaction flushes what it produced, says so, and waits to be killed."""
    armed = threading.Event()
    send = transaction.Transaction._send_offsets

    def stopping(self: transaction.Transaction, offsets: dict[tuple[str, int], int]) -> None:
        send(self, offsets)
        if armed.is_set():
            producer: Producer = self._producer
            producer.flush(5)
            sys.stdout.write('{"stopped": true}\n')
            sys.stdout.flush()
            time.sleep(60)

    def arm(number: int, frame: FrameType | None) -> None:
        armed.set()

    transaction.Transaction._send_offsets = stopping  # type: ignore[method-assign]  # in this process alone
    signal.signal(signal.SIGUSR1, arm)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
