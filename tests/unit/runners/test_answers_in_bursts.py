"""Answers that follow each other at once are taken together; one that takes longer is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tightloop.handlers import calls
from tightloop.records.types import AccountRef
from tightloop.runners import performer
from tightloop.runners.performer import CallLoop
from tightloop.runners.shapes import Started

HERE = calls.Unavailable("EXI-003", "answered")


class InTurn:
    """Answers call ``n`` once the other thread has begun to wait for the ``n + 1``-th time; call ``stuck`` never."""

    def __init__(self, stuck: int | None = None) -> None:
        self._stuck = stuck
        self.waits = 0

    async def perform(self, call: calls.Call, key: str) -> calls.Answer:
        while self.waits <= int(key) or int(key) == self._stuck:
            await asyncio.sleep(0)
        return HERE

    async def close(self) -> None:
        """Nothing is open."""


class Counting(CallLoop[str]):
    """Says how often it was waited for."""

    def __init__(self, venue: InTurn) -> None:
        self._venue = venue
        super().__init__(venue)  # type: ignore[arg-type]  # what a CallLoop uses of a Performer

    def wait(self, seconds: float) -> bool:
        self._venue.waits += 1
        return super().wait(seconds)


def started(count: int) -> list[tuple[str, Started]]:
    read = calls.ReadPositions(AccountRef(lane="binance", venue="binance", account="s"))
    return [("worker", Started(str(number), "read", number, read)) for number in range(count)]


@pytest.fixture
def effects(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CallLoop[str]]:
    monkeypatch.setattr(performer, "GAP_S", 5.0)
    monkeypatch.setattr(performer, "BURST_S", 5.0)
    loop = Counting(InTurn(getattr(request, "param", None)))
    yield loop
    loop.stop()


def test_answers_that_come_one_after_another_are_one_burst(effects: CallLoop[str]) -> None:
    effects.start(started(20))
    assert effects.wait(5.0)
    assert [one.key for _, one, _ in effects.take_burst(1000)] == [str(number) for number in range(20)]
    assert effects.outstanding == 0


@pytest.mark.parametrize("effects", [1], indirect=True)
def test_an_answer_that_does_not_come_holds_up_no_other(
    effects: CallLoop[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performer, "GAP_S", 0.001)
    effects.start(started(2))
    assert effects.wait(5.0)
    assert [one.key for _, one, _ in effects.take_burst(1000)] == ["0"]
    assert effects.outstanding == 1


def test_no_more_are_taken_than_were_asked_for(effects: CallLoop[str]) -> None:
    effects.start(started(5))
    assert effects.wait(5.0)
    assert [one.key for _, one, _ in effects.take_burst(3)] == ["0", "1", "2"]
    assert effects.outstanding == 2


def test_where_nothing_is_there_nothing_is_waited_for(effects: CallLoop[str]) -> None:
    effects.start(started(1))
    assert effects.take_burst(1000) == []
    assert effects.outstanding == 1
