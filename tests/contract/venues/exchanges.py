"""An exchange under test, and all that a case may ask of it: its adapter, its own records, its clock, and its faults.

A case knows nothing else, so that every adapter can be put under it: one that is live needs a ``Face`` of its own
(``tests/support/venue_faces.py``), whose ``adapters`` are its own, against a venue with the control endpoint of the
simulated ones.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.support import venue_intents
from tests.support.venue_faces import Face

from tightloop.handlers.calls import OrderFound
from tightloop.records.types import JournalEntry
from tightloop.venues.adapter import Gate, VenueAdapter
from tightloop.venues.sim import rounding
from tightloop.venues.sim.settings import ExchangeSettings, SymbolRules

D = Decimal


class Exchange:
    """One account of one exchange, behind one face. ``settings``: the rules that expectations are computed from.

    ``spot_money``, ``margin_money``: what position keys end with of the USDT that spot trades move, and that which
    perpetuals are settled in.
    """

    def __init__(self, face: Face, settings: ExchangeSettings, account: str) -> None:
        self.face = face
        self.settings = settings
        self.lane = settings.lane
        self.account = f"{account}.{settings.lane}"
        self.spot_money = self._balance("spot", "USDT")
        self.margin_money = self._balance("perp", "USDT")
        self.now = face.now
        self.pass_time = face.pass_time
        self.restart = face.restart  # the venue's
        self.reconnect = face.reconnect  # ours: what the old adapters knew is gone

    def _balance(self, market: str, asset: str) -> str:
        return self.settings.balance_key(market, asset).partition(":")[2]

    @property
    def adapter(self) -> VenueAdapter:
        return self.face.adapters[self.lane]

    def rules(self, symbol: str = "BTC/USDT") -> SymbolRules:
        return next(one for one in self.settings.symbols if one.symbol == symbol)

    def key(self, rest: str) -> str:
        """The position key of, say, ``BaseToken:BTC``."""
        return f"{self.settings.venue}:{rest}"

    # --- intents ----------------------------------------------------------------------------------------------------

    def trade(self, name: str, **fields: Any) -> JournalEntry:
        """By default: buy 0.01 BTC at the market, at spot."""
        return venue_intents.trade(self.account, name, self.now(), lane=self.lane, **fields)

    def perp(self, name: str, **fields: Any) -> JournalEntry:
        return self.trade(name, market="perp", symbol="BTC/USDT:USDT", **fields)

    def far_below(self) -> Decimal:
        """A limit that the market won't reach: half its price, in whole ticks."""
        return self.to_tick(price_of(self.submit(self.trade("probe"))) / 2)

    def to_tick(self, price: Decimal, symbol: str = "BTC/USDT") -> Decimal:
        return rounding.multiple_down(price, self.rules(symbol).tick)

    # --- the adapter --------------------------------------------------------------------------------------------------

    def prepare(self, entry: JournalEntry) -> Any:
        return self.face.prepare(entry)

    def prepared(self, entry: JournalEntry) -> JournalEntry:
        """As it is journalled before it is sent."""
        return self.face.prepared(entry)

    def submit(self, entry: JournalEntry, **when: Any) -> Any:
        return self.face.submit(entry, **when)

    def submit_through(self, entry: JournalEntry, gate: Gate) -> Any:
        return self.face.drive(self.adapter.submit(entry, gate))

    def find(self, entry: JournalEntry) -> Any:
        return self.face.find(entry)

    def cancel(self, entry: JournalEntry) -> Any:
        return self.face.cancel(entry)

    def positions(self) -> Any:
        return self.face.positions(self.lane, self.account)

    def amounts(self) -> dict[str, Decimal]:
        return self.face.amounts(self.lane, self.account)

    def ledger(self, cursor: str | None = None) -> Any:
        return self.face.ledger(self.lane, self.account, cursor)

    def entries(self) -> list[Any]:
        return self.face.entries(self.lane, self.account)

    # --- the venue ----------------------------------------------------------------------------------------------------

    def fault(self, kind: str, **fields: Any) -> None:
        self.face.fault(kind, self.account, **fields)

    def no_faults(self) -> None:
        self.face.control("DELETE", "/admin/faults")

    def requests(self) -> list[dict[str, Any]]:
        """All that it was asked to do for this account, as the venue itself tells."""
        return self.face.requests(self.account)

    def books(self) -> Any:
        return self.face.control("GET", "/admin/books", account=self.account)["accounts"][0]

    def open_with(self, **balances: str) -> None:
        """The account with these balances alone, such as ``BaseToken_USDT="100"``."""
        names = {"BaseToken_USDT": self.spot_money, "MarginBalance_USDT": self.margin_money}
        opening = {self.key(names.get(name, name.replace("_", ":"))): amount for name, amount in balances.items()}
        self._post("accounts", opening=opening)

    def set_fees(self, market: str, **fields: Any) -> None:
        """What the account pays there from now on: ``maker``, ``taker``, ``in_coin``."""
        self._post("fees", market=market, **fields)

    def set_position_mode(self, *, hedged: bool) -> None:
        self._post("position_mode", hedged=hedged)

    def drift(self, rest: str, amount: str) -> None:
        self._post("drift", position_key=self.key(rest), amount=amount)

    def fill(self, entry: JournalEntry, **fields: str) -> None:
        """Somebody trades with a working order."""
        self._post("fill", client_order_id=entry.client_order_id, **fields)

    def _post(self, what: str, **fields: Any) -> None:
        self.face.control("POST", f"/admin/{what}", {"lane": self.lane, "account": self.account, **fields})

    def market_goes_on(self, seconds: float) -> None:
        self.face.control("POST", "/admin/clock", {"market_advance_s": seconds})

    def eventually(self, holds: Callable[[], Any], what: str) -> Any:
        return self.face.eventually(holds, what)


def price_of(found: OrderFound) -> Decimal:
    entry = found.entries[0]
    assert entry.cost is not None
    return entry.cost / entry.amount
