"""The whole loop under random instructions, misbehaving venues and restarts at any point.

See ``tests/support/loop_world.py`` for what may happen, and ``Life.check`` for what must hold whatever did.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from tests.support.loop_world import Life, Step, lives

from tightloop.records.types import Recording
from tightloop.runners.recording.replay import Replay
from tightloop.wire import codec

EXAMPLES = int(os.environ.get("TIGHTLOOP_TEST_EXAMPLES", "40"))
FROM_OUTSIDE = {"instructions", "control"}
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@settings(max_examples=EXAMPLES, **COMMON)  # type: ignore[arg-type]
@given(lives)
def test_no_course_of_a_loop_loses_money_instructions_or_their_order(steps: list[Step]) -> None:
    Life().live(steps).check()


@settings(max_examples=max(EXAMPLES // 8, 3), **COMMON)  # type: ignore[arg-type]
@given(lives)
def test_the_same_course_writes_the_same_bytes(steps: list[Step]) -> None:
    assert Life().live(steps).driver.digest() == Life().live(steps).driver.digest()


@settings(max_examples=max(EXAMPLES // 4, 5), **COMMON)  # type: ignore[arg-type]
@given(lives)
def test_records_passed_on_by_reference_are_those_that_were_bytes_on_the_way(steps: list[Step]) -> None:
    by_reference = Life(encodes=False).live(steps)
    by_reference.check()
    assert by_reference.driver.digest() == Life(encodes=True).live(steps).driver.digest()


@settings(max_examples=max(EXAMPLES // 4, 8), **COMMON)  # type: ignore[arg-type]
@given(lives)
def test_a_recording_played_into_fresh_components_gives_the_same_bytes(steps: list[Step]) -> None:
    """Whatever happened, restarts and all: what they published, in its order, and the state they end with."""
    life = Life(records=True).live(steps)
    life.check()
    runner = life.driver.runner
    replay = Replay([seats[0].worker.handler for seats in runner._seats.values()], runner.partitions)
    played = [replay.play(codec.decode_as(codec.encode(one), Recording)) for one in life.recordings]
    published = [(out.topic, out.key, out.value) for one in played for out in one.outputs]
    assert published == [(one.topic, one.key, one.value) for one in life.stored if one.topic not in FROM_OUTSIDE]
    for component, seats in runner._seats.items():
        for partition, seat in enumerate(seats):
            entries = {(key, name): entry for key, name, entry in seat.worker.state.entries()}
            assert replay.entries(component, partition) == entries
