"""Bybit's limits, enforced: requests a second of an account to one endpoint, and requests of an address.

https://bybit-exchange.github.io/docs/v5/rate-limit, the table of the unified account 2.0. Both windows roll. All who
ask are one address. What was counted is not kept over a restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from tightloop.venues.dialects.bybit.refusals import access_too_frequent
from tightloop.venues.times import milliseconds

_PER_SECOND = {
    "POST /v5/order/create linear": 10,
    "POST /v5/order/create spot": 20,
    "POST /v5/order/amend": 10,
    "POST /v5/order/cancel linear": 10,
    "POST /v5/order/cancel spot": 20,
    "POST /v5/order/cancel-all linear": 10,
    "POST /v5/order/cancel-all spot": 20,
    "GET /v5/order/realtime": 50,
    "GET /v5/order/history": 50,
    "GET /v5/execution/list": 50,
    "GET /v5/position/list": 50,
    "POST /v5/position/set-leverage": 10,
    "GET /v5/account/wallet-balance": 50,
    "GET /v5/account/transaction-log": 50,
    "GET /v5/account/fee-rate linear": 10,
    "GET /v5/account/fee-rate spot": 5,
    "GET /v5/asset/coin/query-info": 5,
    "POST /v5/asset/withdraw/create": 5,
    "GET /v5/asset/withdraw/query-record": 5,
    "GET /v5/asset/deposit/query-record": 5,
    "GET /v5/asset/deposit/query-address": 5,
    "GET /v5/user/query-api": 10,
}

_A_SECOND_MS = 1000


class Rules(Struct, forbid_unknown_fields=True, kw_only=True):
    """``per_second``: by ``METHOD /path``, or by that and a category; ``others``: all that are not among them.

    ``address``: requests of an address within ``address_s`` seconds; one more, and it is banned for ``ban_s`` seconds.
    """

    per_second: dict[str, int] = msgspec.field(default_factory=lambda: dict(_PER_SECOND))
    others: int = 10
    address: int = 600
    address_s: float = 5.0
    ban_s: float = 600.0


class Standing(Struct, frozen=True):
    """Of one account at one endpoint: its limit, what is left of it, and now, or when it may ask again (ms)."""

    limit: int
    left: int
    resets_at: int
    refused: bool = False

    def spent(self, now: datetime) -> Standing:
        """The same, where all of it was used in this moment."""
        return Standing(self.limit, 0, milliseconds(now) + _A_SECOND_MS, refused=True)

    def headers(self) -> dict[str, str]:
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.resets_at),
        }


class Limits:
    """What was asked lately. ``rules``: see ``POST /admin/limits``."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.refused = self.banned = 0
        self._address: deque[float] = deque()
        self._accounts: dict[tuple[str, str], deque[float]] = {}
        self._banned_until = 0.0

    def enter(self, now: datetime) -> None:
        """Count a request of the address. Raises GatewayError 403."""
        at = now.timestamp()
        within = _within(self._address, at - self.rules.address_s)
        if at >= self._banned_until:
            within.append(at)
            if len(within) <= self.rules.address:
                return
            self._banned_until = at + self.rules.ban_s
        self.banned += 1
        raise access_too_frequent()

    def ask(self, name: str, category: str, account: str, now: datetime) -> Standing:
        """Count a request of an account, unless it is refused."""
        at = now.timestamp()
        rules, of_category = self.rules.per_second, f"{name} {category}"
        limit = rules.get(of_category, rules.get(name, self.rules.others))
        within = _within(self._accounts.setdefault((account, of_category), deque()), at - 1)
        if len(within) >= limit:
            self.refused += 1
            return Standing(limit, 0, int((within[0] + 1) * 1000), refused=True)
        within.append(at)
        return Standing(limit, limit - len(within), milliseconds(now))

    def controls(self) -> dict[str, Any]:
        """Control requests: ``POST /admin/limits`` takes a :class:`Rules`; ``GET`` tells it, and what was refused."""

        def told(query: Mapping[str, str], body: bytes) -> object:
            return {"rules": self.rules, "refused": self.refused, "banned": self.banned}

        def change(query: Mapping[str, str], body: bytes) -> object:
            self.rules = msgspec.json.decode(body, type=Rules)
            self._banned_until = 0.0
            return told(query, body)

        return {"GET /admin/limits": told, "POST /admin/limits": change}


def _within(times: deque[float], since: float) -> deque[float]:
    while times and times[0] <= since:
        times.popleft()
    return times
