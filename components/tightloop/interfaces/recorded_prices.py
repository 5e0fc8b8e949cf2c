"""Data providers over market data as records: from files (``FilePrices``), or from the topic (``TopicPrices``).

At a time they give the last price not later, of each market as ``venue:symbol``, and of each symbol the one that was
seen last at any venue. Each is a quote with its ``timestamp``: limits take none that is older than
``limits.price_max_age``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.runners.price_source import price_in
from tightloop.venues.sim.market import Series

Quote = dict[str, Any]  # `price` (quote per base) and `timestamp` (UTC)


class RecordedPrices:
    """``records``: in any order; what shows no price (funding, rates, gas) is left out. ``venue``: only its markets.

    Raises ExecutionError EIM-007 where there is no price at all.
    """

    def __init__(self, records: Iterable[MarketData], venue: str | None = None) -> None:
        points: dict[str, list[tuple[datetime, tuple[datetime, Decimal]]]] = {}
        for record in sorted(records, key=lambda one: one.event_time):
            price = price_in(record)
            if price is not None and venue in (None, record.venue):
                point = (record.event_time, (record.event_time, price))
                for name in (f"{record.venue}:{record.symbol}", record.symbol):
                    points.setdefault(name, []).append(point)
        if not points:
            where = "" if venue is None else f" of {venue}"
            raise ExecutionError("EIM-007", f"there is no price{where} in it", remedy="Give bars, trades or quotes.")
        self._series = {name: Series(found) for name, found in points.items()}
        self._times = sorted({at for series in self._series.values() for at in series.times})

    @property
    def first(self) -> datetime:
        """The time of the first price."""
        return self._times[0]

    @property
    def last(self) -> datetime:
        return self._times[-1]

    def next_after(self, timestamp: datetime) -> datetime | None:
        """When a price comes after that; None: no more."""
        index = bisect_right(self._times, timestamp)
        return self._times[index] if index < len(self._times) else None

    def get_market_data(self, timestamp: datetime) -> Mapping[str, Quote]:
        found: dict[str, Quote] = {}
        for name, series in self._series.items():
            if series.times[0] <= timestamp:
                at, price = series.at(timestamp)
                found[name] = {"price": price, "timestamp": at}
        return found


class FilePrices(RecordedPrices):
    """Over CSV (``.gz`` too), Parquet, JSON lines or JSON: the files that ``tightloop publish --market`` takes
    (docs/consumers.md). ``skip_bad``: take what is sound of a file that has bad lines.

    Raises ExecutionError EIM-007 for a file that can't be read, or the first bad line, with its file and number.
    """

    def __init__(self, *paths: Path | str, venue: str | None = None, skip_bad: bool = False) -> None:
        from tightloop.client.market_files import read_market_file

        now = datetime.now(UTC)
        records: list[MarketData] = []
        for path in paths:
            found = read_market_file(Path(path), now)
            if found.bad and not skip_bad:
                first = found.bad[0]
                raise ExecutionError(
                    "EIM-007",
                    f"{found.path.name} line {first.line}: {first.message} ({len(found.bad)} bad lines)",
                    remedy="Mend the file, or give skip_bad=True.",
                )
            records += found.records
        super().__init__(records, venue)


class TopicPrices(RecordedPrices):
    """Over what lies on the topic ``market_data`` now, by the times at which it was written there.

    ``bootstrap``: by default the configuration's. ``since``, ``until``: aware times; None: all of it. Raises
    ExecutionError BUS-003 for a time without a zone, EIF-010 and EIF-011 where there is no topic or no broker, EIM-007
    where there is no price, TLC-001 to -003 for a record that can't be read.
    """

    def __init__(
        self,
        bootstrap: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        venue: str | None = None,
        prefix: str | None = None,
        client: Mapping[str, Any] | None = None,
    ) -> None:
        from tightloop.client.consumer import bus
        from tightloop.client.reader import TopicReader

        if until is not None and until.tzinfo is None:
            raise ExecutionError(
                "BUS-003", f"{until.isoformat()} names no time zone; give an aware time, such as UTC's"
            )
        records: list[MarketData] = []
        with TopicReader(bus(bootstrap, prefix, client), ["market_data"], since or "beginning") as reader:
            for received in reader.to_end():
                if until is None or received.time < until:
                    record = received.record()
                    records += [record] if isinstance(record, MarketData) else []
        super().__init__(records, venue)
