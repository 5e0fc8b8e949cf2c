"""One exchange of the simulator in this process, and what a stream of its orders is told of one account."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.streams import Change, Streams
from tightloop.venues.sim.commands import PlaceOrder
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings

D = Decimal


class OrderWorld:
    """The account ``s``, whose stream has just been opened. ``now``: the time, which stands still."""

    def __init__(self, exchange: ExchangeSettings, now: datetime) -> None:
        self._lane, self._now = exchange.lane, now
        self.sandbox = Sandbox(SimSettings(exchanges=(exchange,), chains=(), market_origin=now), lambda: now)
        self.desk = Desk(self.sandbox, self._lane)
        self._streams = Streams(self.desk)
        self._streams._look("s", first=True)

    def place(self, name: str = "one", **fields: Any) -> None:
        """A perpetual is bought far below the market, unless ``fields`` say otherwise."""
        usual: dict[str, Any] = {
            "client_order_id": name,
            "market": "perp",
            "symbol": "BTC/USDT:USDT",
            "side": "buy",
            "order_type": "limit",
            "amount": D("0.5"),
            "price": D(1000),
            "time_in_force": "GTC",
        }
        self.act(PlaceOrder, timestamp=self._now, decided_at=self._now, **{**usual, **fields})

    def act(self, kind: Any, **fields: Any) -> None:
        self.sandbox.act(self._lane, kind(account="s", **fields), self._now)

    def order(self, name: str) -> Any:
        return self.desk.account("s").orders[name][-1]

    def changes(self) -> list[Change]:
        """Since the last look."""
        return self._streams._look("s")
