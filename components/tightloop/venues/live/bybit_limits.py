"""What Bybit counts: requests of an address (IP), and of an account (UID) to each endpoint a second.

https://bybit-exchange.github.io/docs/v5/rate-limit: 600 requests in 5 s of an address, beyond which it is refused (403)
for ten minutes; each endpoint's own limit of an account is told with every answer in ``X-Bapi-Limit`` (and what is left
of it in ``X-Bapi-Limit-Status``), beyond which a request is refused (10006) for the rest of the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from tightloop.venues.live.budget import ALIKE, Asking, Bucket, Budgets, Charge

LIMITS: Mapping[str, float | None] = {"10006": None, "10018": None, "403": 600.0, "HTTP 403": 600.0}
OF_ADDRESS, OF_ADDRESS_S = 600.0, 5.0
# What holds until an answer has told (unified accounts, the lowest level): requests a second
_OWN = {
    **dict.fromkeys(("v5/order/create", "v5/order/cancel", "v5/order/amend"), 10.0),
    **dict.fromkeys(("v5/asset/coin/query-info", "v5/asset/withdraw/create", "v5/asset/withdraw/query-record"), 5.0),
    **dict.fromkeys(("v5/asset/deposit/query-record", "v5/asset/deposit/query-address"), 5.0),
}
_USUAL = 50.0
_PUBLIC = "v5/market/"


class BybitLimits:
    """The tariff (``budget.Tariff``) of one account. ``key``: its API key, by which it is told from others."""

    def __init__(self, budgets: Budgets, key: str | None) -> None:
        self._budgets = budgets
        self._account = blake2b((key or "").encode(), digest_size=8).hexdigest()

    def charges(self, asked: Asking) -> tuple[Charge, ...]:
        found = [Charge(self._of_address(asked), 1.0)]
        if not asked.path.startswith(_PUBLIC):
            found.append(Charge(self._of_endpoint(asked), 1.0))
        return tuple(found)

    def heard(self, asked: Asking, headers: Mapping[str, str], answer: Any, now: float) -> None:
        limit, left = headers.get("X-Bapi-Limit", ""), headers.get("X-Bapi-Limit-Status", "")
        if limit.isdecimal() and left.isdecimal() and int(limit):
            bucket = self._of_endpoint(asked)
            bucket.limit = float(limit)
            bucket.told(float(limit) - float(left), now)

    def refused_by(self, asked: Asking, code: str | None) -> tuple[Bucket, ...]:
        return (self._of_endpoint(asked),) if code == "10006" else (self._of_address(asked),)

    def _of_address(self, asked: Asking) -> Bucket:
        return self._budgets.bucket(asked.at, "requests", limit=OF_ADDRESS, interval_s=OF_ADDRESS_S)

    def _of_endpoint(self, asked: Asking) -> Bucket:
        limit = _OWN.get(asked.path, _USUAL)
        place = (asked.at, self._account, asked.path, str(asked.given.get("category", "")))
        return self._budgets.bucket(*place, limit=limit, interval_s=1.0, shares=ALIKE)
