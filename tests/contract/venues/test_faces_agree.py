"""The two faces give the same answers, to the last byte and microsecond, for the same commands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from tests.support.venue_faces import Face
from tests.support.venue_intents import actions, lend, perp, swap, to_be_sent, trade

from tightloop.handlers.calls import Prepared

from .conftest import open_face

D = Decimal


def story(face: Face) -> list[Any]:
    """Everything the two faces are asked, and all they said."""
    said: list[Any] = []
    now = face.now()
    entries = [
        trade("s", "a", now, amount=D("0.123")),
        trade("s", "b", now, symbol="ETH/USDT", amount=D("2.5"), side="sell"),
        perp("s", "c", now, amount=D("0.5")),
        perp("s", "d", now, amount=D("0.2"), side="sell"),
        trade("s", "e", now, amount=D("0.0000001")),
        trade("s", "f", now, order_type="limit", price=D("20000"), amount=D("1")),
        trade("s", "g", now, strategy_id="t", amount=D("0.2")),
        actions("w", "a", now, swap("USDT", "WETH", D("1234.56"))),
        actions("w", "b", now, lend("supply", "WETH", D(7)), lend("borrow", "USDT", D(2000)), atomic=True),
        actions("w", "c", now, swap("USDT", "WETH", D(1), min_amount_out=D(5))),
        actions("w", "d", now, swap("USDT", "WETH", D(1))),
    ]
    for fault in ("lost_after", "lost_before", "down", "rate_limit", "reject"):
        face.fault(fault, "s", count=1, skip=2)
    face.fault("partial", "s", count=1, skip=3, fill="0.5", parts=2, every_s=1, rest="later")
    for number, entry in enumerate(entries):
        if entry.lane == "ethereum":
            answer = face.prepare(entry)
            said.append(answer)
            if not isinstance(answer, Prepared):
                continue
            entry = entries[number] = to_be_sent(entry, answer.what)
        said += [face.submit(entry), face.find(entry)]
        face.pass_time(0.25)
    for seconds in (3600, 8 * 3600, 24 * 3600):
        face.control("POST", "/admin/clock", {"market_advance_s": seconds})
        face.pass_time(1)
        said += [face.find(entry) for entry in entries] + [face.cancel(entries[5])]
    for lane, account in (("binance", "s"), ("ethereum", "w")):
        said += [face.ledger(lane, account), face.positions(lane, account)]
    said += [face.nonce("w"), face.chain(), face.control("GET", "/admin/books"), face.control("GET", "/admin/requests")]
    return said


def test_both_faces_say_the_same(tmp_path: Path) -> None:
    stories = {}
    for name in ("in_process", "http"):
        folder = tmp_path / name
        folder.mkdir()
        face = open_face(name, folder)
        try:
            stories[name] = story(face)
        finally:
            face.close()
    for number, (one, other) in enumerate(zip(*stories.values(), strict=True)):
        if not _is_lost(one):
            assert msgspec.json.encode(one) == msgspec.json.encode(other), f"answer {number}"
        assert type(one) is type(other), f"answer {number}"


def _is_lost(answer: Any) -> bool:
    """What the client itself says of a broken connection may be worded differently."""
    return type(answer).__name__ in ("Ambiguous", "Unavailable")


def test_a_face_says_the_same_twice(tmp_path: Path) -> None:
    stories = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        face = open_face("in_process", folder)
        stories.append(msgspec.json.encode(story(face)))
        face.close()
    assert stories[0] == stories[1]
