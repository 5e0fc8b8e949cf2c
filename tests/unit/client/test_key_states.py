"""Where a key stands is read from the partition that is its own, whatever lies on others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.lanes import EVERYWHERE

from tightloop.client.key_states import states_of
from tightloop.handlers.manager.turn import UNREAD
from tightloop.records.types import Halt, LoopHead, SharedHalts
from tightloop.runners.partitioner import partition_of
from tightloop.wire import codec

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)
HALT = Halt(halt_id="h", code="REC-002", message="differs", severity="HIGH", since=NOW)


def head(*halts: Halt) -> bytes:
    return codec.encode(LoopHead(strategy_id="s1", halts=halts, produced_at=NOW))


@pytest.mark.parametrize("offset", range(1, 8))
def test_a_head_on_another_partition_does_not_hide_that_a_key_is_halted(offset: int) -> None:
    own = partition_of(b"s1", 8)
    entries = {(own, "s1", "head"): head(HALT), ((own + offset) % 8, "s1", "head"): head()}
    for order in (entries, dict(reversed(entries.items()))):
        assert states_of(order, 8, EVERYWHERE).keys["s1"].phase == "halted"
        assert states_of(order, 8, EVERYWHERE, "s1").keys["s1"].phase == "halted"
    assert states_of({((own + offset) % 8, "s1", "head"): head()}, 8, EVERYWHERE).keys == {}


def test_a_key_whose_head_cannot_be_read_is_shown_halted_and_hides_no_other() -> None:
    broken = b"\x00\x00\x0f\xff\xff of a later version"
    own = partition_of(b"s1", 8)
    kept = codec.encode(SharedHalts(halts=(HALT,), produced_at=NOW))
    entries = {(own, "s1", "head"): broken, (own, "s1", UNREAD): kept, (own, "s1", "queue|1"): broken}
    state = states_of(entries, 8, EVERYWHERE)
    assert (state.keys["s1"].phase, state.keys["s1"].halts, state.shared) == ("halted", (HALT,), ())
    other = LoopHead(strategy_id="s2", produced_at=NOW)
    entries[partition_of(b"s2", 8), "s2", "head"] = codec.encode(other)
    assert states_of(entries, 8, EVERYWHERE).keys["s2"].phase == "idle"
