"""What a lane's reader tells: whether its venue is the one that is meant, and whether a transfer has arrived."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import REGISTRY, account
from tests.support.venue_faces import Face, HttpFace, InProcessFace

from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Arrived, NotFound, Unavailable
from tightloop.venues.adapter import VenueReader
from tightloop.venues.sim.client import SimReader
from tightloop.venues.sim.inprocess import InProcessReader

D = Decimal


def reader(face: Face, lane: LaneSpec) -> VenueReader:
    if isinstance(face, InProcessFace):
        return InProcessReader(lane, face.sandbox)
    assert isinstance(face, HttpFace)
    return SimReader(lane, "127.0.0.1", face._port)


def refused(face: Face, lane: LaneSpec) -> ExecutionError:
    looking = reader(face, lane)
    with pytest.raises(ExecutionError) as caught:
        face.drive(looking.open())  # type: ignore[arg-type]
    face.drive(looking.close())  # type: ignore[arg-type]
    return caught.value


def arrival(face: Face, lane: str, name: str, reference: str) -> Any:
    looking = reader(face, REGISTRY.lane(lane))
    try:
        return face.drive(looking.find_arrival(account(lane, name), reference))  # type: ignore[arg-type]
    finally:
        face.drive(looking.close())  # type: ignore[arg-type]


def test_115_a_venue_that_is_the_one_meant_tells_its_time(face: Face) -> None:
    for name in ("binance", "ethereum"):
        looking = reader(face, REGISTRY.lane(name))
        assert abs(face.drive(looking.open()) - face.now()) < timedelta(seconds=5)  # type: ignore[arg-type]
        face.drive(looking.close())  # type: ignore[arg-type]


def test_116_another_chain_is_refused(face: Face) -> None:
    error = refused(face, replace(REGISTRY.lane("ethereum"), chain_id=10))
    assert error.code == "EIF-008"
    assert "chain 10 here, and 1 at the venue" in error.message


def test_117_a_lane_that_the_venue_does_not_have_is_refused(face: Face) -> None:
    assert refused(face, replace(REGISTRY.lane("binance"), name="binance-2")).code == "EIF-010"


def test_118_where_nothing_listens_that_is_said(face: Face) -> None:
    if isinstance(face, InProcessFace):
        pytest.skip("there is nothing to listen in process")
    looking = SimReader(REGISTRY.lane("binance"), "127.0.0.1", 1)
    with pytest.raises(ExecutionError, match="EIF-011"):
        face.drive(looking.open())


@pytest.mark.parametrize(("lane", "key"), [("binance", "binance:BaseToken:USDT"), ("ethereum", "wallet:BaseToken:ETH")])
def test_119_a_transfer_is_found_in_the_account_it_came_to(face: Face, account: str, lane: str, key: str) -> None:
    name, reference = f"{account}.{lane}", f"0x{lane}"
    assert isinstance(arrival(face, lane, name, reference), NotFound)
    before = face.amounts(lane, name)[key]
    asked = {"lane": lane, "account": name, "position_key": key, "amount": "2.5", "reference": reference}
    face.control("POST", "/admin/deposit", asked)
    found = arrival(face, lane, name, reference)
    assert isinstance(found, Arrived)
    (moved,) = found.entry.deltas
    assert (found.entry.kind, moved.position_key, moved.amount) == ("deposit", key, D("2.5"))
    assert face.amounts(lane, name)[key] == before + D("2.5")
    assert face.entries(lane, name)[-1] == found.entry
    assert isinstance(arrival(face, lane, name, "0xother"), NotFound)
    assert isinstance(arrival(face, lane, "another", reference), NotFound)


def test_120_a_venue_that_does_not_answer_says_nothing_of_an_arrival(face: Face, account: str) -> None:
    face.fault("down", account, operations=["ledger"])
    assert isinstance(arrival(face, "binance", account, "0x1"), Unavailable)
