"""Workers of one test run have one broker: who comes first starts it, and it ends after the last one left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tightloop.testing.brokers import Broker, ExistingBroker
from tightloop.testing.shared_broker import shared_broker

WAIT_S = 30.0


class Counted:
    def __init__(self) -> None:
        self.started = 0
        self.ended = threading.Event()

    @contextmanager
    def start(self) -> Iterator[Broker]:
        self.started += 1
        yield ExistingBroker(f"localhost:{9000 + self.started}")
        self.ended.set()


def test_a_broker_is_started_once_and_ends_after_the_last_worker(tmp_path: Path) -> None:
    counted, first_has_it, second_has_it, go = Counted(), threading.Event(), threading.Event(), threading.Event()
    seen: list[str] = []

    def first() -> None:
        with shared_broker(tmp_path, counted.start) as broker:
            seen.append(broker.bootstrap)
            first_has_it.set()
            assert second_has_it.wait(WAIT_S)

    def second() -> None:
        assert first_has_it.wait(WAIT_S)
        with shared_broker(tmp_path, counted.start) as broker:
            seen.append(broker.bootstrap)
            second_has_it.set()
            assert go.wait(WAIT_S)

    workers = [threading.Thread(target=first), threading.Thread(target=second)]
    for worker in workers:
        worker.start()
    assert second_has_it.wait(WAIT_S)
    assert not counted.ended.wait(0.2)  # the first has left, the second is still at it
    go.set()
    for worker in workers:
        worker.join(WAIT_S)
    assert counted.ended.is_set()
    assert seen == ["localhost:9001", "localhost:9001"]
    assert counted.started == 1


def test_who_comes_after_it_ended_starts_another(tmp_path: Path) -> None:
    counted = Counted()
    for expected in ("localhost:9001", "localhost:9002"):
        with shared_broker(tmp_path, counted.start) as broker:
            assert broker.bootstrap == expected
