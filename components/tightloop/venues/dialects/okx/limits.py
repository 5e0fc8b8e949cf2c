"""OKX's limits, enforced: requests to an endpoint within two seconds, of an account (and instrument), or of an address.

https://www.okx.com/docs-v5/en, the rate limit that each endpoint's section states. Windows roll; all who ask are one
address. What was counted is not kept over a restart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from tightloop.venues.dialects.okx.refusals import too_frequent

INTERVAL_S = 2.0
_RULES = {
    "GET /api/v5/public/time": 10,
    "GET /api/v5/public/instruments": 20,
    "GET /api/v5/public/funding-rate": 10,
    "GET /api/v5/public/mark-price": 10,
    "GET /api/v5/market/ticker": 20,
    "GET /api/v5/market/tickers": 20,
    "GET /api/v5/market/books": 40,
    "GET /api/v5/market/candles": 40,
    "POST /api/v5/trade/order": 60,
    "POST /api/v5/trade/batch-orders": 300,
    "POST /api/v5/trade/cancel-order": 60,
    "POST /api/v5/trade/cancel-batch-orders": 300,
    "POST /api/v5/trade/amend-order": 60,
    "GET /api/v5/trade/order": 60,
    "GET /api/v5/trade/orders-pending": 60,
    "GET /api/v5/trade/orders-history": 40,
    "GET /api/v5/trade/fills": 60,
    "GET /api/v5/trade/fills-history": 10,
    "GET /api/v5/account/balance": 10,
    "GET /api/v5/account/positions": 10,
    "GET /api/v5/account/config": 5,
    "GET /api/v5/account/bills": 10,
    "POST /api/v5/account/set-leverage": 40,
    "GET /api/v5/account/leverage-info": 20,
    "GET /api/v5/account/trade-fee": 5,
}
_BY_INSTRUMENT = (
    "POST /api/v5/trade/order",
    "POST /api/v5/trade/batch-orders",
    "POST /api/v5/trade/cancel-order",
    "POST /api/v5/trade/cancel-batch-orders",
    "POST /api/v5/trade/amend-order",
    "GET /api/v5/trade/order",
)


class Rules(Struct, forbid_unknown_fields=True, kw_only=True):
    """``within_2s``: by ``METHOD /path``; ``others``: all that are not among them."""

    within_2s: dict[str, int] = msgspec.field(default_factory=lambda: dict(_RULES))
    others: int = 5


class Limits:
    """What was asked lately. ``rules``: see ``POST /admin/limits``."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.refused = 0
        self._asked: dict[tuple[str, str, str], deque[float]] = {}

    def ask(self, name: str, account: str, given: Mapping[str, str], now: datetime, orders: int = 1) -> None:
        """Count a request. ``account``: empty for what anybody may ask. ``orders``: each of several counts. Raises
        OkxError 50011.
        """
        at = now.timestamp()
        place = (name, account, given.get("instId", "") if name in _BY_INSTRUMENT else "")
        within = self._asked.setdefault(place, deque())
        while within and within[0] <= at - INTERVAL_S:
            within.popleft()
        if len(within) + orders > self.rules.within_2s.get(name, self.rules.others):
            self.refused += 1
            raise too_frequent()
        within.extend([at] * orders)

    def controls(self) -> dict[str, Any]:
        """Control requests: ``POST /admin/limits`` takes a :class:`Rules`; ``GET`` tells it, and what was refused."""

        def told(query: Mapping[str, str], body: bytes) -> object:
            return {"rules": self.rules, "refused": self.refused}

        def change(query: Mapping[str, str], body: bytes) -> object:
            self.rules = msgspec.json.decode(body, type=Rules)
            return told(query, body)

        return {"GET /admin/limits": told, "POST /admin/limits": change}
