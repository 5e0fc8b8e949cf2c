"""Binance's user data streams: ``executionReport`` on the websocket API of spot, ``ORDER_TRADE_UPDATE`` of futures.

https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream and
https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams/Event-Order-Update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from tightloop.venues.dialects.binance import order_views
from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.listen_keys import ListenKeys
from tightloop.venues.dialects.binance.refusals import BinanceError
from tightloop.venues.dialects.binance.signing import SignedTime, signed_by
from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.dialects.keys import READ, Keys
from tightloop.venues.dialects.order_lists import After
from tightloop.venues.dialects.streams import Change, Streams
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Order
from tightloop.venues.times import milliseconds

# "Expiry Reason" of futures: IOC and FOK that could not be filled, a market order, a post-only that would have taken
_EXPIRED_AS = {"IOC": "2", "market": "9", "FOK": "10", "PO": "11"}
_ENDED = {"CANCELED": "CANCELED", "REJECTED": "REJECTED"}  # otherwise EXPIRED


def _start(call: Call) -> Any:
    return {"listenKey": call.venue.listen_keys.extended(call.account_name, call.now)}


def _keep(call: Call) -> Any:
    if not call.venue.listen_keys.is_good(call.account_name, call.now):
        raise BinanceError(-1125, "This listenKey does not exist.")
    return _start(call)


def _end(call: Call) -> Any:
    call.venue.listen_keys.end(call.account_name)
    return {}


KEYED: dict[str, Callable[[Call], Any]] = {
    "POST /fapi/v1/listenKey": _start,
    "PUT /fapi/v1/listenKey": _keep,
    "DELETE /fapi/v1/listenKey": _end,
}


class UserStreams:
    """``/ws-api/v3``: spot, subscribed by a signed request; ``/private/ws?listenKey=…`` and ``/ws/…``: futures."""

    def __init__(self, desk: Desk, keys: Keys, listen_keys: ListenKeys) -> None:
        self._desk = desk
        self._keys = keys
        self._listen_keys = listen_keys
        self.streams = Streams(desk)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/ws-api/v3":
            listener = _Spot(self._desk, self._keys)
            return await self.streams.serve(request, listener, listener.answer)
        key = dict(parse_qsl(request.rel_url.raw_query_string)).get("listenKey", request.path.removeprefix("/ws/"))
        account = self._listen_keys.account_of(key, self._desk.now())
        if account is None:
            return web.Response(status=404)
        return await self.streams.serve(request, _Futures(self._desk, account))


class _Spot:
    def __init__(self, desk: Desk, keys: Keys) -> None:
        self._desk = desk
        self._keys = keys
        self.account: str | None = None

    def answer(self, text: str) -> Sequence[Any]:
        return (self._answer(text),)

    def _answer(self, text: str) -> dict[str, Any]:
        """To ``userDataStream.subscribe.signature``, the one method that there is."""
        number: Any = None
        try:
            asked = msgspec.json.decode(text, type=dict[str, Any])
            number = asked.get("id")
            if asked.get("method") != "userDataStream.subscribe.signature":
                raise BinanceError(-1020, "This operation is not supported.")
            given = {name: str(value) for name, value in (asked.get("params") or {}).items()}
            signed = "&".join(f"{name}={value}" for name, value in sorted(given.items()) if name != "signature")
            key = signed_by(self._keys, given.get("apiKey"), signed, "", given, READ)
            SignedTime(given).check(self._desk.now())
        except BinanceError as refusal:
            error = {"code": refusal.code, "msg": refusal.message}
            return {"id": number, "status": refusal.status, "error": error, "rateLimits": []}
        except msgspec.DecodeError:
            return {"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}}
        self.account = key.account
        return {"id": number, "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []}

    def event(self, change: Change) -> Any:
        if change.order.listing.perp:
            return None
        return {"subscriptionId": 0, "event": execution_report(change, self._desk.now())}


class _Futures:
    def __init__(self, desk: Desk, account: str) -> None:
        self._desk = desk
        self.account: str | None = account

    def event(self, change: Change) -> Any:
        return order_trade_update(change, self._desk.now()) if change.order.listing.perp else None


class _State(After):
    """``what``: the event's ``x``; ``status``: the order's."""

    def __init__(self, change: Change) -> None:
        super().__init__(change)
        order = change.order
        self.what, self.status = "NEW", "NEW"
        if change.what == "changed":
            self.what, self.status = "AMENDMENT", order_views.status(order)
        elif change.what == "trade":
            self.what = "TRADE"
            self.status = "FILLED" if self.filled >= order.amount else "PARTIALLY_FILLED"
        elif change.what == "ended":
            self.status = order_views.status(order)
            self.what = _ENDED.get(self.status, "EXPIRED")


def command_kind(order: Order) -> str:
    """``market``, or how long it was to work."""
    return "market" if order.command.order_type == "market" else order.command.time_in_force


def execution_report(change: Change, now: datetime) -> dict[str, Any]:
    """With every field that is documented for an order without conditions."""
    order, entry, state = change.order, change.entry, _State(change)
    shown, command = order_views.shown(order), order.command
    traded = order_views.trade(order, entry) if entry is not None else {}
    created = milliseconds(order.created_at)
    cancelled = state.what == "CANCELED"
    return {
        "e": "executionReport",
        "E": milliseconds(now),
        "s": joined(order.listing.rules.symbol),
        "c": f"cancel-{order.number}" if cancelled else order.client_order_id,
        "S": order.side.upper(),
        "o": shown["type"],
        "f": shown["timeInForce"],
        "q": fixed(order.amount),
        "p": fixed(command.price or ZERO),
        "P": fixed(ZERO),
        "F": fixed(ZERO),
        "g": -1,
        "C": order.client_order_id if cancelled else "",
        "x": state.what,
        "X": state.status,
        "r": "NONE",
        "i": order.number,
        "l": fixed(state.last),
        "z": fixed(state.filled),
        "L": traded.get("price", fixed(ZERO)),
        "n": traded.get("commission", "0"),
        "N": traded.get("commissionAsset"),
        "T": milliseconds(state.at),
        "t": traded.get("id", -1),
        "I": order.number * 1000 + len(order.entries),
        "w": order.status == "open",
        "m": bool(traded.get("isMaker", False)),
        "M": False,
        "O": created,
        "Z": fixed(state.cost),
        "Y": traded.get("quoteQty", fixed(ZERO)),
        "Q": fixed(command.quote_amount or ZERO),
        "W": created,
        "V": "NONE",
    }


def order_trade_update(change: Change, now: datetime) -> dict[str, Any]:
    """With every field that is documented."""
    order, entry, state = change.order, change.entry, _State(change)
    shown = order_views.futures_order(order, asked=False)
    traded = order_views.futures_trade(order, entry) if entry is not None else {}
    fee = {"N": traded["commissionAsset"], "n": traded["commission"]} if traded else {}
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": milliseconds(now),
        "T": milliseconds(state.at),
        "o": {
            "s": shown["symbol"],
            "c": order.client_order_id,
            "S": shown["side"],
            "o": shown["type"],
            "f": shown["timeInForce"],
            "q": shown["origQty"],
            "p": shown["price"],
            "ap": fixed(rounding.NEAREST.quantize(state.average, rounding.PENNY)),
            "sp": "0",
            "x": state.what,
            "X": state.status,
            "i": order.number,
            "l": f"{state.last:f}",
            "z": f"{state.filled:f}",
            "L": traded.get("price", "0"),
            **fee,
            "T": milliseconds(state.at),
            "t": traded.get("id", 0),
            "b": "0",
            "a": "0",
            "m": bool(traded.get("maker", False)),
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": shown["origType"],
            "ps": "BOTH",
            "cp": False,
            "rp": traded.get("realizedPnl", "0"),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": shown["selfTradePreventionMode"],
            "pm": "NONE",
            "gtd": 0,
            "er": _EXPIRED_AS.get(command_kind(order), "0") if state.what == "EXPIRED" else "0",
        },
    }
