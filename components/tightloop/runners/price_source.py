"""Where the answer to ``ReadPrices`` comes from: whatever knows the last price of a market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from tightloop.domain import money
from tightloop.handlers.calls import Market
from tightloop.records.types import MarketData, MarketPrice


class PriceSource(Protocol):
    async def read(self, markets: Sequence[Market]) -> tuple[MarketPrice, ...]:
        """One for each market, in their order, without a price where none is known. Raises whatever went wrong."""

    async def close(self) -> None: ...


def price_in(record: MarketData) -> Decimal | None:
    """The price that a record shows, in quote per base: of a trade the last, of a bar its close, of a quote the middle
    of bid and ask, or else the last, the mark, the index. None: it shows none (a rate, gas).
    """
    if record.kind not in ("bar", "quote", "trade"):
        return None
    if record.kind == "bar":
        found = record.close
    elif record.bid is not None and record.ask is not None and record.kind == "quote":
        sides = record.bid, record.ask
        found = money.ratio(money.total(sides), Decimal(2)) if min(sides) > 0 else None
    else:
        found = next((one for one in (record.last, record.mark, record.index) if one is not None), None)
    return found if found is not None and found > 0 else None


def stand_ins(venue: str, symbol: str, known: Iterable[Market]) -> list[Market]:
    """Where a price of a market may be taken from, the best first: its own; another venue's of that symbol; for a
    perpetual its spot market, in the same order.
    """
    others = sorted(known)
    found: list[Market] = []
    for name in dict.fromkeys((symbol, symbol.partition(":")[0])):
        found.append((venue, name))
        found += [one for one in others if one[1] == name and one[0] != venue]
    return found


def seen(market: Market, place: Market | None, price: Decimal | None, event_time: datetime | None) -> MarketPrice:
    """The entry for ``market``; ``place``: where the price was seen."""
    venue, symbol = market
    if place is None or price is None:
        return MarketPrice(venue=venue, symbol=symbol)
    return MarketPrice(
        venue=venue,
        symbol=symbol,
        price=price,
        price_venue=place[0],
        price_symbol=place[1],
        event_time=event_time,
    )
