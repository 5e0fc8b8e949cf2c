"""What Binance counts: weights of an address, and orders of an account.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits and
https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info: an address (IP) has so many weights
a minute, told with every answer in ``X-MBX-USED-WEIGHT-1M``; an account so many orders, told with what was placed in
``X-MBX-ORDER-COUNT-10S``, ``-1D`` (spot) and ``-1M`` (futures). ``exchangeInfo`` lists the limits. A 429 of the weights
says in ``Retry-After`` how long to wait, one of the orders (-1015) says nothing; who goes on after it is banned (418),
for two minutes to three days. At spot an order that fills counts no more; here it counts until its interval has passed.

Of the wallet's endpoints (``/sapi``) some are counted by the account (UID), each for itself, 180,000 weights a minute,
told in ``X-SAPI-USED-UID-WEIGHT-1M``: https://developers.binance.com/docs/wallet/general-info.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from tightloop.venues.live.budget import ALIKE, SHARES, Asking, Bucket, Budgets, Charge

_SECONDS = {"S": 1, "M": 60, "H": 3600, "D": 86400}
# What holds until exchangeInfo was read (as of 2026): by header's interval, of spot and of futures
WEIGHTS = {"spot": {"1M": 6000}, "perp": {"1M": 2400}}
ORDERS = {"spot": {"10S": 100, "1D": 200_000}, "perp": {"10S": 300, "1M": 1200}}
UNITS = {"spot": 5.0, "perp": 1.0}  # weights that one of ccxt's units stands for
# Weights that ccxt's units do not tell: "NEW ORDER: 0 on the address", "ACCOUNT INFORMATION V3: 5"
_OWN = {("POST", "fapi", "order"): 0.0, ("GET", "fapi", "account"): 5.0}
_PLACES = (("POST", "order"), ("PUT", "order"), ("POST", "order/cancelReplace"))  # PUT: of futures
TOO_MANY_ORDERS = "-1015"
UID_LIMIT = 180_000.0  # a minute
# Weights by the account, as the page of each endpoint states them; withdrawals can be asked about ten times a minute
UID_WEIGHTS = {
    ("POST", "capital/withdraw/apply"): 900.0,
    ("GET", "capital/withdraw/history"): 18_000.0,
    ("POST", "asset/transfer"): 900.0,
}


class BinanceLimits:
    """The tariff (``budget.Tariff``) of one market, ``spot`` or ``perp``, and of one account.

    ``key``: the account's API key, by which it is told from others; it is not kept.
    """

    def __init__(self, budgets: Budgets, market: str, key: str | None) -> None:
        self._budgets = budgets
        self._market = market
        self._account = blake2b((key or "").encode(), digest_size=8).hexdigest()
        self._intervals: dict[str, dict[str, float]] = {"weight": dict(WEIGHTS[market]), "orders": dict(ORDERS[market])}

    def charges(self, asked: Asking) -> tuple[Charge, ...]:
        if _by_account(asked):
            return (Charge(self._uid(asked), UID_WEIGHTS[asked.method, asked.path]),)
        weight = _OWN.get((asked.method, asked.part, asked.path), asked.units * UNITS[self._market])
        found = [Charge(bucket, weight) for bucket in self._weights(asked)]
        if _places(asked):
            found += [Charge(bucket, 1) for bucket in self._orders(asked)]
        return tuple(found)

    def heard(self, asked: Asking, headers: Mapping[str, str], answer: Any, now: float) -> None:
        if _by_account(asked):
            used = headers.get("X-SAPI-USED-UID-WEIGHT-1M", "")
            if used.isdecimal():
                self._uid(asked).told(float(used), now)
            return
        if asked.path == "exchangeInfo" and isinstance(answer, dict):
            self._learn(asked, answer.get("rateLimits") or ())
        for counted, buckets in (("USED-WEIGHT", self._weights(asked)), ("ORDER-COUNT", self._orders(asked))):
            names = self._intervals["weight" if counted == "USED-WEIGHT" else "orders"]
            for interval, bucket in zip(names, buckets, strict=True):
                used = headers.get(f"X-MBX-{counted}-{interval}", "")
                if used.isdecimal():
                    bucket.told(float(used), now)

    def refused_by(self, asked: Asking, code: str | None) -> tuple[Bucket, ...]:
        if _by_account(asked):
            return (self._uid(asked),)
        return self._orders(asked) if code == TOO_MANY_ORDERS else self._weights(asked)

    def _uid(self, asked: Asking) -> Bucket:
        place = (asked.at, asked.part, self._account, asked.method, asked.path)
        return self._budgets.bucket(*place, limit=UID_LIMIT, interval_s=60.0, shares=ALIKE)

    def _weights(self, asked: Asking) -> tuple[Bucket, ...]:
        """Of the address: spot, futures and wallet count for themselves."""
        return self._of("weight", asked.at, asked.part, shares=SHARES)

    def _orders(self, asked: Asking) -> tuple[Bucket, ...]:
        return self._of("orders", asked.at, asked.part, self._account, shares=ALIKE)

    def _of(self, kind: str, *place: str, shares: Mapping[Any, float]) -> tuple[Bucket, ...]:
        return tuple(
            self._budgets.bucket(*place, kind, interval, limit=limit, interval_s=_seconds(interval), shares=shares)
            for interval, limit in self._intervals[kind].items()
        )

    def _learn(self, asked: Asking, told: Iterable[Mapping[str, Any]]) -> None:
        """``{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100}``"""
        for one in told:
            kind = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}.get(str(one.get("rateLimitType")))
            letter = str(one.get("interval", ""))[:1]
            if kind is None or letter not in _SECONDS:
                continue
            self._intervals[kind][f"{int(one['intervalNum'])}{letter}"] = float(one["limit"])
        for bucket, limit in zip(self._weights(asked), self._intervals["weight"].values(), strict=True):
            bucket.limit = limit
        for bucket, limit in zip(self._orders(asked), self._intervals["orders"].values(), strict=True):
            bucket.limit = limit


def _seconds(interval: str) -> float:
    return float(int(interval[:-1]) * _SECONDS[interval[-1]])


def _by_account(asked: Asking) -> bool:
    return asked.part == "sapi" and (asked.method, asked.path) in UID_WEIGHTS


def _places(asked: Asking) -> bool:
    return (asked.method, asked.path) in _PLACES
