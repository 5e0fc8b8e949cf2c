"""What OKX counts: requests to each endpoint in two seconds, of an account or of an address.

https://www.okx.com/docs-v5/en, "Rate Limits", and the limit that each endpoint's own section states: public ones by
address (IP), private ones by account, those about one order by account and instrument. Beyond it a request is refused
(50011), and nothing says for how long. Nothing is told with answers either.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from tightloop.venues.live.budget import ALIKE, Asking, Bucket, Budgets, Charge

LIMITS: Mapping[str, float | None] = {"50011": None, "50040": None, "50061": None}
INTERVAL_S = 2.0
_BY_INSTRUMENT = {
    ("POST", "trade/order"): 60.0,
    ("POST", "trade/cancel-order"): 60.0,
    ("GET", "trade/order"): 60.0,
}
_BY_ACCOUNT = {
    ("GET", "trade/fills"): 60.0,
    ("GET", "trade/fills-history"): 10.0,
    ("GET", "account/balance"): 10.0,
    ("GET", "account/positions"): 10.0,
    ("GET", "account/bills"): 10.0,
    ("GET", "account/bills-archive"): 5.0,
    ("GET", "account/config"): 5.0,
    ("GET", "asset/currencies"): 12.0,
    ("GET", "asset/balances"): 12.0,
    ("POST", "asset/transfer"): 4.0,
    ("GET", "asset/transfer-state"): 20.0,
    ("POST", "asset/withdrawal"): 12.0,
    ("GET", "asset/withdrawal-history"): 12.0,
    ("GET", "asset/deposit-history"): 12.0,
    ("GET", "asset/deposit-address"): 12.0,
}
_BY_ADDRESS = {"public/time": 10.0, "public/instruments": 20.0, "market/ticker": 20.0}
_LEAST = 5.0  # of whatever is not listed here


class OkxLimits:
    """The tariff (``budget.Tariff``) of one account. ``key``: its API key, by which it is told from others."""

    def __init__(self, budgets: Budgets, key: str | None) -> None:
        self._budgets = budgets
        self._account = blake2b((key or "").encode(), digest_size=8).hexdigest()

    def charges(self, asked: Asking) -> tuple[Charge, ...]:
        return (Charge(self._bucket(asked), 1.0),)

    def heard(self, asked: Asking, headers: Mapping[str, str], answer: Any, now: float) -> None:
        """Nothing is told."""

    def refused_by(self, asked: Asking, code: str | None) -> tuple[Bucket, ...]:
        return (self._bucket(asked),)

    def _bucket(self, asked: Asking) -> Bucket:
        name = (asked.method, asked.path)
        if name in _BY_INSTRUMENT:
            place, limit = (self._account, str(asked.given.get("instId", ""))), _BY_INSTRUMENT[name]
        elif name in _BY_ACCOUNT:
            place, limit = (self._account, ""), _BY_ACCOUNT[name]
        else:
            place, limit = ("", ""), _BY_ADDRESS.get(asked.path, _LEAST)
        return self._budgets.bucket(asked.at, *name, *place, limit=limit, interval_s=INTERVAL_S, shares=ALIKE)
