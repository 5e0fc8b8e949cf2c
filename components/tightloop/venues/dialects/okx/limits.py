"""OKX's limits, enforced: requests to an endpoint within two seconds, of an account (and instrument), or of an address.

https://www.okx.com/docs-v5/en, the rate limit that each endpoint's section states. Windows roll; all who ask are one
address. What was counted is not kept over a restart.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
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
    "GET /api/v5/public/funding-rate-history": 10,
    "GET /api/v5/public/mark-price": 10,
    "GET /api/v5/system/status": 1,
    "GET /api/v5/market/trades": 100,
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
    "GET /api/v5/account/bills-archive": 5,
    "POST /api/v5/account/set-leverage": 40,
    "GET /api/v5/account/leverage-info": 20,
    "GET /api/v5/account/trade-fee": 5,
    "GET /api/v5/asset/currencies": 12,
    "GET /api/v5/asset/balances": 12,
    "POST /api/v5/asset/transfer": 4,
    "GET /api/v5/asset/transfer-state": 20,
    "POST /api/v5/asset/withdrawal": 12,
    "GET /api/v5/asset/withdrawal-history": 12,
    "GET /api/v5/asset/deposit-history": 12,
    "GET /api/v5/asset/deposit-address": 12,
}
_BY_INSTRUMENT = (
    "POST /api/v5/trade/order",
    "POST /api/v5/trade/batch-orders",
    "POST /api/v5/trade/cancel-order",
    "POST /api/v5/trade/cancel-batch-orders",
    "POST /api/v5/trade/amend-order",
    "GET /api/v5/trade/order",
    "GET /api/v5/public/funding-rate",
    "GET /api/v5/public/funding-rate-history",
    "GET /api/v5/public/mark-price",
)
_ALONE = {  # one order of a batch counts as if it had come by itself
    "POST /api/v5/trade/batch-orders": "POST /api/v5/trade/order",
    "POST /api/v5/trade/cancel-batch-orders": "POST /api/v5/trade/cancel-order",
}


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

    def ask(self, name: str, account: str, given: Sequence[Mapping[str, str]], now: datetime) -> None:
        """Count a request, each order of a batch. ``account``: empty for what anybody may ask. Raises OkxError 50011.

        One that would be beyond the limit is refused as a whole, and does not count.
        """
        at = now.timestamp()
        if len(given) == 1:
            name = _ALONE.get(name, name)
        limit = self.rules.within_2s.get(name, self.rules.others)
        wanted = Counter(one.get("instId", "") if name in _BY_INSTRUMENT else "" for one in given or ({},))
        for instrument, times in wanted.items():
            within = self._asked.setdefault((name, account, instrument), deque())
            while within and within[0] <= at - INTERVAL_S:
                within.popleft()
            if len(within) + times > limit:
                self.refused += 1
                raise too_frequent()
        for instrument, times in wanted.items():
            self._asked[name, account, instrument].extend([at] * times)

    def controls(self) -> dict[str, Any]:
        """Control requests: ``POST /admin/limits`` takes a :class:`Rules`; ``GET`` tells it, and what was refused."""

        def told(query: Mapping[str, str], body: bytes) -> object:
            return {"rules": self.rules, "refused": self.refused}

        def change(query: Mapping[str, str], body: bytes) -> object:
            self.rules = msgspec.json.decode(body, type=Rules)
            return told(query, body)

        return {"GET /admin/limits": told, "POST /admin/limits": change}
