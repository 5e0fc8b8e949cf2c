"""Binance's limits, enforced: weights of an address a minute, orders of an account, 429 and then a ban.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits, and "Limits" of
https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info; weights are those that the page of
each endpoint states. Some of the wallet's endpoints count by the account instead, each for itself:
https://developers.binance.com/docs/wallet/general-info. Intervals begin at whole minutes, tens of seconds and days. All
who ask are one address. What was counted is not kept over a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from tightloop.venues.dialects.binance.refusals import BinanceError
from tightloop.venues.sim.orders import Order

_SECONDS = {"S": 1, "M": 60, "D": 86400}
_NAMES = {"S": "SECOND", "M": "MINUTE", "D": "DAY"}
_WEIGHTS = {
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/ticker/price": 2,
    "GET /api/v3/ticker/bookTicker": 2,
    "GET /api/v3/ticker/24hr": 2,
    "GET /api/v3/depth": 5,
    "GET /api/v3/klines": 2,
    "GET /api/v3/account": 20,
    "GET /api/v3/account/commission": 20,
    "GET /api/v3/order": 4,
    "GET /api/v3/openOrders": 6,
    "GET /api/v3/allOrders": 20,
    "GET /api/v3/myTrades": 20,
    "POST /fapi/v1/order": 0,
    "GET /fapi/v1/ticker/price": 1,
    "GET /fapi/v1/depth": 2,
    "GET /fapi/v1/allOrders": 5,
    "GET /fapi/v1/userTrades": 5,
    "GET /fapi/v1/income": 30,
    "GET /fapi/v1/commissionRate": 20,
    "GET /fapi/v1/positionSide/dual": 30,
    "GET /fapi/v1/multiAssetsMargin": 30,
    "GET /fapi/v2/account": 5,
    "GET /fapi/v3/account": 5,
    "GET /fapi/v2/balance": 5,
    "GET /fapi/v3/balance": 5,
    "GET /fapi/v2/positionRisk": 5,
    "GET /fapi/v3/positionRisk": 5,
    "GET /sapi/v1/capital/config/getall": 10,
    "GET /sapi/v1/capital/deposit/address": 10,
}  # all others: 1
_UID_WEIGHTS = {
    "POST /sapi/v1/capital/withdraw/apply": 900,
    "GET /sapi/v1/capital/withdraw/history": 18_000,
    "POST /sapi/v1/asset/transfer": 900,
}
_PLACES = ("POST /api/v3/order", "POST /api/v3/order/cancelReplace", "POST /fapi/v1/order")


class Part(Struct, forbid_unknown_fields=True):
    """Of spot, or of futures: by the interval's name in the headers."""

    weight: dict[str, int]
    orders: dict[str, int]


class Rules(Struct, forbid_unknown_fields=True, kw_only=True):
    """``uid``: weights of an account a minute, at each of the wallet's endpoints that count so. ``forgiven``: how often
    in a minute who was refused may come again before it is banned, for ``ban_s`` seconds.

    Binance does not publish the first; bans begin at two minutes.
    """

    spot: Part = msgspec.field(default_factory=lambda: Part({"1M": 6000}, {"10S": 100, "1D": 200_000}))
    futures: Part = msgspec.field(default_factory=lambda: Part({"1M": 2400}, {"10S": 300, "1M": 1200}))
    uid: int = 180_000
    forgiven: int = 10
    ban_s: int = 120


class Limits:
    """What was spent. ``rules``: see ``POST /admin/limits``."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.refused = self.banned = 0
        self._used: dict[tuple[str, str], tuple[int, int]] = {}  # interval's number, weights
        self._orders: dict[tuple[str, str], list[tuple[datetime, Order | None]]] = {}
        self._refused_in: tuple[int, int] = (0, 0)  # minute, how often
        self._banned_until = 0.0

    def enter(self, name: str, now: datetime) -> None:
        """Count a request's weight. Raises BinanceError 418, 429."""
        at = now.timestamp()
        if at < self._banned_until:
            self.banned += 1
            until = int(self._banned_until * 1000)
            message = f"Way too much request weight used; IP banned until {until}."
            raise BinanceError(-1003, message, 418, retry_after_s=self._banned_until - at)
        part = _part(name)
        for interval, limit in self._rules_of(part).weight.items():
            number, used = self._window((part, interval), at)
            used += _WEIGHTS.get(name, 1)
            self._used[part, interval] = number, used
            if used > limit:
                length = _length(interval)
                self._refuse(at)
                message = f"Too many requests; current limit of IP is {limit} request weight per {interval}."
                raise BinanceError(-1003, message, 429, retry_after_s=(number + 1) * length - at)

    def _refuse(self, at: float) -> None:
        self.refused += 1
        minute = int(at // 60)
        times = self._refused_in[1] + 1 if self._refused_in[0] == minute else 1
        self._refused_in = minute, times
        if times > self.rules.forgiven:
            self._banned_until = at + self.rules.ban_s

    def enter_account(self, name: str, account: str, now: datetime) -> None:
        """Count a request's weight by the account, where it has one. Raises BinanceError 429."""
        if name not in _UID_WEIGHTS:
            return
        at = now.timestamp()
        number, used = self._window((f"{account} {name}", "1M"), at)
        used += _UID_WEIGHTS[name]
        self._used[f"{account} {name}", "1M"] = number, used
        if used > self.rules.uid:
            self.refused += 1
            message = f"Too many requests; current limit of UID is {self.rules.uid} request weight per 1M."
            raise BinanceError(-1003, message, 429, retry_after_s=(number + 1) * 60 - at)

    def check_order(self, name: str, account: str, now: datetime) -> None:
        """Before one is placed. Raises BinanceError 429, -1015."""
        if name not in _PLACES:
            return
        for interval, limit in self._rules_of(_part(name)).orders.items():
            if self._count(_part(name), account, interval, now) >= limit:
                self.refused += 1
                message = f"Too many new orders; current limit is {limit} orders per {interval}."
                raise BinanceError(-1015, message, 429)

    def placed(self, name: str, account: str, order: Order | None, now: datetime) -> None:
        """One was."""
        if name in _PLACES:
            self._orders.setdefault((_part(name), account), []).append((now, order))

    def headers(self, name: str, account: str | None, now: datetime) -> dict[str, str]:
        """``X-MBX-USED-WEIGHT-1M`` of all, ``X-MBX-ORDER-COUNT-10S`` and so on of what placed an order."""
        part, at = _part(name), now.timestamp()
        rules = self._rules_of(part)
        if name in _UID_WEIGHTS and account is not None:
            return {"X-SAPI-USED-UID-WEIGHT-1M": str(self._window((f"{account} {name}", "1M"), at)[1])}
        found = {f"X-MBX-USED-WEIGHT-{one}": str(self._window((part, one), at)[1]) for one in rules.weight}
        if name in _PLACES and account is not None:
            found |= {f"X-MBX-ORDER-COUNT-{one}": str(self._count(part, account, one, now)) for one in rules.orders}
        return found

    def listed(self, futures: bool) -> list[dict[str, Any]]:
        """As ``exchangeInfo`` tells them."""
        rules = self.rules.futures if futures else self.rules.spot
        kinds = (("REQUEST_WEIGHT", rules.weight), ("ORDERS", rules.orders))
        return [
            {
                "rateLimitType": kind,
                "interval": _NAMES[interval[-1]],
                "intervalNum": int(interval[:-1]),
                "limit": limit,
            }
            for kind, limits in kinds
            for interval, limit in limits.items()
        ]

    def controls(self) -> dict[str, Any]:
        """Control requests: ``POST /admin/limits`` takes a :class:`Rules`; ``GET`` tells it, and what was refused."""

        def told(query: Mapping[str, str], body: bytes) -> object:
            return {"rules": self.rules, "refused": self.refused, "banned": self.banned}

        def change(query: Mapping[str, str], body: bytes) -> object:
            rules = msgspec.json.decode(body, type=Rules)
            for limits in (rules.spot.weight, rules.spot.orders, rules.futures.weight, rules.futures.orders):
                for interval in limits:
                    _length(interval)
            self.rules = rules
            return told(query, body)

        return {"GET /admin/limits": told, "POST /admin/limits": change}

    def _rules_of(self, part: str) -> Part:
        if part == "sapi":
            return Part({"1M": 12_000}, {})
        return self.rules.futures if part == "fapi" else self.rules.spot

    def _window(self, place: tuple[str, str], at: float) -> tuple[int, int]:
        number = int(at // _length(place[1]))
        known, used = self._used.get(place, (number, 0))
        return number, used if known == number else 0

    def _count(self, part: str, account: str, interval: str, now: datetime) -> int:
        """Orders of the interval; at spot those that have not filled: https://developers.binance.com/docs/
        binance-spot-api-docs/faqs/order_count_decrement
        """
        number = now.timestamp() // _length(interval)
        within = [
            order
            for at, order in self._orders.get((part, account), ())
            if at.timestamp() // _length(interval) == number
        ]
        return sum(1 for order in within if part == "fapi" or order is None or not order.filled)


def _part(name: str) -> str:
    return name.partition("/")[2].partition("/")[0]


def _length(interval: str) -> int:
    """Seconds. Raises ValueError."""
    if not interval[:-1].isdecimal() or interval[-1:] not in _SECONDS:
        raise ValueError(f"an interval is a number and S, M or D, such as 10S, not {interval!r}")
    return int(interval[:-1]) * _SECONDS[interval[-1]]
