"""OKX's private stream: ``/ws/v5/private``, the channel ``orders``. https://www.okx.com/docs-v5/en, "WebSocket"."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.keys import Keys
from tightloop.venues.dialects.okx.calls import Venue
from tightloop.venues.dialects.okx.listings import contracts, instrument, kind_of
from tightloop.venues.dialects.okx.order_views import shown
from tightloop.venues.dialects.okx.signing import TAKEN_FOR_S, signature
from tightloop.venues.dialects.order_lists import After, fee_asset, fee_of
from tightloop.venues.dialects.streams import Change, PrivateStreams
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

_SIGNED = "GET/users/self/verify"


def private_streams(venue: Venue, keys: Keys) -> PrivateStreams:
    return PrivateStreams(venue.desk, "/ws/v5/private", lambda: _Private(venue, keys))


class _Private:
    """One connection. It says who it is, and then what it wants to hear."""

    def __init__(self, venue: Venue, keys: Keys) -> None:
        self._venue = venue
        self._keys = keys
        self._id = secrets.token_hex(4)
        self._wanted: list[dict[str, str]] = []
        self.account: str | None = None

    def answer(self, text: str) -> Sequence[Any]:
        if text == "ping":
            return ("pong",)
        try:
            asked = msgspec.json.decode(text, type=dict[str, Any])
            operation, arguments = str(asked.get("op", "")), [dict(one) for one in asked.get("args") or []]
        except (msgspec.DecodeError, ValueError, TypeError):
            return (self._error("60012", "Illegal request"),)
        if operation == "login":
            return (self._login(arguments[0] if arguments else {}),)
        if operation == "subscribe" and arguments:
            return [self._subscribe(one) for one in arguments]
        if operation == "unsubscribe" and arguments:
            return [self._unsubscribe(one) for one in arguments]
        return (self._error("60012", f"Illegal request: {operation}"),)

    def _error(self, code: str, message: str) -> dict[str, str]:
        return {"event": "error", "code": code, "msg": message, "connId": self._id}

    def _login(self, given: dict[str, Any]) -> dict[str, str]:
        key, at = self._keys.get(str(given.get("apiKey"))), str(given.get("timestamp", ""))
        if key is None:
            return self._error("60005", "Invalid apiKey")
        if not at.isdecimal() or abs(int(at) - self._venue.desk.now().timestamp()) > TAKEN_FOR_S:
            return self._error("60006", "Timestamp request expired")
        if not hmac.compare_digest(str(given.get("sign")), signature(key.secret, f"{at}{_SIGNED}")):
            return self._error("60007", "Invalid sign")
        if not hmac.compare_digest(str(given.get("passphrase")), key.passphrase):
            return self._error("60024", "Wrong passphrase")
        self.account = key.account
        return {"event": "login", "code": "0", "msg": "", "connId": self._id}

    def _subscribe(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if self.account is None:
            return self._error("60011", "Please log in")
        if wanted.get("channel") != "orders" or wanted.get("instType") not in ("ANY", "SPOT", "SWAP"):
            return self._error("60018", f"Wrong URL or channel:{wanted.get('channel')} doesn't exist.")
        self._wanted.append(wanted)
        return {"event": "subscribe", "arg": wanted, "connId": self._id}

    def _unsubscribe(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._wanted = [one for one in self._wanted if one != wanted]
        return {"event": "unsubscribe", "arg": wanted, "connId": self._id}

    def event(self, change: Change) -> Any:
        listing = change.order.listing
        for wanted in self._wanted:
            named = wanted.get("instId") in (None, "", instrument(listing.rules.symbol))
            if wanted["instType"] in ("ANY", kind_of(listing)) and named:
                return {"arg": {**wanted, "uid": str(self.account)}, "data": [told(change)]}
        return None


_NO_CHANGE = {"amendResult": "", "code": "0", "msg": "", "reqId": "", "amendSource": ""}


def told(change: Change) -> dict[str, Any]:
    """An order right after the change: later trades of it do not count yet."""
    order, after, entry = change.order, After(change), change.entry
    found = shown(order, after.entries) | _NO_CHANGE | _of_trade(order, entry)
    if change.what in ("changed", "ended"):
        return found
    left = order.amount - after.filled
    return found | {
        "state": "filled" if not left else "partially_filled" if after.filled else "live",
        "cancelSource": "",
        "cancelSourceReason": "",
        "accFillSz": plain(contracts(order.listing, after.filled)),
        "fillSz": plain(contracts(order.listing, after.last)),
        "uTime": str(milliseconds(after.at)),
    }


def _of_trade(order: Order, entry: LedgerEntry | None) -> dict[str, str]:
    """Of the trade that the message is about; there may be none."""
    if entry is None:
        return {"execType": "", "fillFee": "0", "fillFeeCcy": "", "fillNotionalUsd": "", "fillPnl": "0"}
    return {
        "execType": "M" if entry.liquidity == "maker" else "T",
        "fillFee": plain(-fee_of(entry)),
        "fillFeeCcy": fee_asset(order, entry),
        "fillNotionalUsd": plain(entry.cost or ZERO),
        "fillPnl": plain(entry.realised_pnl or ZERO),
    }
