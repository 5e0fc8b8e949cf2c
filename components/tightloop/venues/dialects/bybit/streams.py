"""Bybit's private stream: ``/v5/private``, the topic ``order``.

https://bybit-exchange.github.io/docs/v5/ws/connect and .../v5/websocket/private/order
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.bybit.calls import Venue
from tightloop.venues.dialects.bybit.order_views import shown
from tightloop.venues.dialects.bybit.signing import signature
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.keys import Keys
from tightloop.venues.dialects.order_lists import After
from tightloop.venues.dialects.streams import Change, PrivateStreams
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.times import milliseconds

TOPICS = {"order": (True, False), "order.linear": (True,), "order.spot": (False,)}  # is it a perpetual's?
_SIGNED = "GET/realtime"


def private_streams(venue: Venue, keys: Keys) -> PrivateStreams:
    return PrivateStreams(venue.desk, "/v5/private", lambda: _Private(venue, keys))


class _Private:
    """One connection. It says who it is, and then what it wants to hear."""

    def __init__(self, venue: Venue, keys: Keys) -> None:
        self._venue = venue
        self._keys = keys
        self._id = secrets.token_hex(10)
        self._topics: list[str] = []
        self.account: str | None = None

    def answer(self, text: str) -> Sequence[Any]:
        return (self._answer(text),)

    def _answer(self, text: str) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            return self._told("", {}, "Params Error")
        operation, arguments = str(asked.get("op", "")), asked.get("args") or []
        if operation == "ping":
            at = str(milliseconds(self._venue.desk.now()))
            return {"req_id": asked.get("req_id", ""), "op": "pong", "args": [at], "conn_id": self._id}
        if operation == "auth":
            return self._told(operation, asked, self._enter(arguments))
        if operation == "subscribe":
            return self._told(operation, asked, self._subscribe(arguments))
        if operation == "unsubscribe":
            self._topics = [topic for topic in self._topics if topic not in arguments]
            return self._told(operation, asked, "")
        return self._told(operation, asked, "error:invalid op")

    def _told(self, operation: str, asked: dict[str, Any], wrong: str) -> dict[str, Any]:
        told = {"success": not wrong, "ret_msg": wrong, "op": operation, "conn_id": self._id}
        return {**told, "req_id": asked["req_id"]} if "req_id" in asked else told

    def _enter(self, arguments: list[Any]) -> str:
        """``[key, expires, signature of "GET/realtime" and expires]``. What is wrong about them."""
        if len(arguments) != 3:
            return "Params Error"
        name, expires, signed = (str(one) for one in arguments)
        key = self._keys.get(name)
        if key is None:
            return "API key is invalid."
        if not expires.isdecimal() or int(expires) < milliseconds(self._venue.desk.now()):
            return "Request expired"
        if not hmac.compare_digest(signed.lower(), signature(key.secret, f"{_SIGNED}{expires}")):
            return "Error sign, please check your signature generation algorithm."
        self.account = key.account
        return ""

    def _subscribe(self, topics: list[Any]) -> str:
        if self.account is None:
            return "Request not authorized"
        for topic in topics:
            if topic not in TOPICS:
                return f"error:handler not found,topic:{topic}"
        self._topics += [topic for topic in topics if topic not in self._topics]
        return ""

    def event(self, change: Change) -> Any:
        perp = change.order.listing.perp
        topic = next((one for one in self._topics if perp in TOPICS[one]), None)
        if topic is None:
            return None
        return {
            "id": secrets.token_hex(16),
            "topic": topic,
            "creationTime": milliseconds(self._venue.desk.now()),
            "data": [told(change, self._venue.desk)],
        }


def told(change: Change, desk: Desk) -> dict[str, Any]:
    """An order right after the change: later trades of it do not count yet."""
    order = change.order
    price = order.listing.price(desk.sandbox.market_clock.decided(order.command.decided_at))
    found = {"category": "linear" if order.listing.perp else "spot", **shown(order, price)}
    found |= {"feeCurrency": "", "closedPnl": plain(_realised(order.entries))}
    if change.what in ("changed", "ended"):
        return found
    after = After(change)
    left = order.amount - after.filled
    return found | {
        "orderStatus": "Filled" if not left else "PartiallyFilled" if after.filled else "New",
        "cancelType": "UNKNOWN",
        "rejectReason": "EC_NoError",
        "avgPrice": plain(rounding.NEAREST.quantize(after.average, rounding.PENNY)) if after.filled else "",
        "leavesQty": plain(left),
        "leavesValue": plain(left * (order.limit or price)),
        "cumExecQty": plain(after.filled),
        "cumExecValue": plain(after.cost),
        "closedPnl": plain(_realised(after.entries)),
        "updatedTime": str(milliseconds(after.at)),
    }


def _realised(entries: Sequence[LedgerEntry]) -> Decimal:
    return sum((entry.realised_pnl or ZERO for entry in entries), ZERO)
