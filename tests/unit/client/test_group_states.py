"""Where a group stands, as `status` and `show` tell it: from the manager's own state, at each point of its life."""

from __future__ import annotations

from tests.support.lanes import directory
from tests.unit.handlers.manager.desk import Desk
from tests.unit.handlers.manager.test_groups import LANES, desk, feed, legs

from tightloop.client.group_states import as_document, phase_of, words
from tightloop.client.key_states import KeyState, states_of
from tightloop.domain.groups import leg_in_flight
from tightloop.runners.partitioner import partition_of
from tightloop.wire import codec


def state(at: Desk) -> KeyState:
    """As it is read from ``loop_state``."""
    own = partition_of(b"s1", 8)
    entries = {(own, "s1", name): codec.encode(record) for name, record in at.driver.state.items()}
    return states_of(entries, 8, directory(LANES)).keys["s1"]


def told(at: Desk) -> tuple[str, str]:
    found = state(at)
    (group,) = found.groups
    return phase_of(group, found.head), words(group, found.head)


def test_a_group_is_told_of_from_its_first_leg_to_its_end() -> None:
    at = desk()
    at.instruct("i1")
    first, second, third = legs({}, {}, {})
    feed(at, second)
    assert told(at) == ("waiting", "waits for group_index 0, 2, of 3 legs")
    feed(at, third, first)
    assert told(at) == ("queued", "is queued with all its 3 legs")
    at.close()
    assert told(at) == ("running", "leg 1 of 3 is in flight (g0, buy BTC/USDT at binance)")
    at.order("halt")
    at.close()
    assert told(at) == ("stopped", "leg 2 of 3 is next (g1, sell BTC/USDT:USDT at bybit), after the halt")
    at.order("cancel", "c2", target_id="g")
    assert state(at).groups == ()


def test_a_key_whose_group_is_stopped_by_a_halted_venue_is_not_idle() -> None:
    at = desk()
    feed(at, *legs())
    at.order("halt", scope="venue", venue="bybit")
    at.close()
    assert (state(at).phase, told(at)[0]) == ("stopped", "stopped")
    at.order("cancel", "c2", target_id="g")
    assert state(at).phase == "idle"


def test_as_data_it_names_the_legs_and_which_are_missing() -> None:
    at = desk()
    feed(at, legs()[1])
    found = state(at)
    shown = as_document(found.groups[0], found.head)
    assert (shown["phase"], shown["size"], shown["missing"], shown["in_flight"]) == ("waiting", 2, [0], None)
    assert [leg.instruction_id for leg in shown["legs"]] == ["g1"]
    assert shown["expires_at"] is not None
    feed(at, legs()[0])
    found = state(at)
    shown = as_document(found.groups[0], found.head)
    assert (shown["phase"], shown["missing"], shown["in_flight"]) == ("running", [], "g0")
    assert leg_in_flight(found.groups[0], found.head.slot) == "g0"
    assert shown["expires_at"] is None
