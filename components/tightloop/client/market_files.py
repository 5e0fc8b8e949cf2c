"""Market data from files: CSV (also gzipped), Parquet, JSON lines or JSON. Every line becomes records or a complaint.

What a file holds is told by its columns, and which market by its name, as ``<venue>_<PAIR>_<spot|perp>_<interval>``:

=========  ======================================================================  =====================================
what       columns                                                                 records
=========  ======================================================================  =====================================
bars       timestamp (the bar's start), open, close; high, low, volume             kind ``bar``, at the bar's end
funding    funding_timestamp, funding_rate                                         kind ``funding`` of the perpetual
rates      targetDate, currentLiquidityRate, currentVariableBorrowRate, symbol     kind ``rate``, by the year, of
                                                                                   ``aToken:<asset>`` (what is supplied)
                                                                                   and ``debtToken:<asset>``
gas        timestamp, gas_price_gwei, chain                                        kind ``gas`` of ``ETH``, native
                                                                                   units per gas
records    venue, symbol, kind, event_time, and further fields of MarketData       as they are
=========  ======================================================================  =====================================

Times have a zone. Of one series (venue, symbol, kind) they rise; a time that is there twice is a complaint, and a gap
is told. Numbers go from text to Decimal; a Parquet file's floats are taken as their shortest decimal text.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct

from tightloop.client import files
from tightloop.client.files import BadLine, bad_line
from tightloop.client.market_rows import ROWS, Reading, Shape
from tightloop.client.table.parquet import load
from tightloop.domain import money
from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.wire import codec

Line = tuple[int, Callable[[], Mapping[str, Any]]]
Series = tuple[str, str, str]  # venue, symbol, kind
MOST_BYTES = 1 << 30  # of a file, unpacked


class MarketFile(Struct, frozen=True):
    """``gaps``: where something is missing between two lines that are sound by themselves."""

    path: Path
    records: tuple[MarketData, ...]
    bad: tuple[BadLine, ...]
    gaps: tuple[BadLine, ...]


def read_market_file(path: Path, now: datetime) -> MarketFile:
    """Raises ExecutionError EIM-007 for a file that can't be read, or of which it can't be told what it holds; BUS-001
    for Parquet without pyarrow. ``now``: when it is seen (``observed_at``).
    """
    records: list[MarketData] = []
    lines: list[int] = []
    bad: list[BadLine] = []
    shape: Shape | None = None
    reading = Reading(path, now)
    with money.exact():
        for number, read in _lines(path):
            try:
                row = read()
                shape = shape or _shape_of(row, path)
                made = shape.make(row, reading)
                for record in made:
                    codec.encode(record)
            except ExecutionError as error:
                if shape is None and error.code != "EIM-007":
                    raise
                bad.append(bad_line(number, error))
            else:
                records += made
                lines += [number] * len(made)
    if not records and not bad:
        raise ExecutionError("EIM-007", f"{path.name} holds nothing", remedy="Give a file with lines of market data.")
    unordered, gaps = _order(records, lines)
    wrong = {complaint.line for complaint in unordered}
    sound = tuple(record for record, line in zip(records, lines, strict=True) if line not in wrong)
    return MarketFile(path, sound, tuple(sorted([*bad, *unordered], key=lambda one: one.line)), tuple(gaps))


def _shape_of(row: Mapping[str, Any], path: Path) -> Shape:
    columns = {str(name) for name in row}
    found = next((shape for shape in ROWS if set(shape.needs) <= columns), None)
    if found is None:
        kinds = "; ".join(f"{shape.name}: {', '.join(shape.needs)}" for shape in ROWS)
        raise ExecutionError(
            "EIM-007",
            f"{path.name} has the columns {', '.join(sorted(columns))[:300]}, which are none of market data",
            remedy=f"Name the columns as one of: {kinds}.",
        )
    return found


# --- order --------------------------------------------------------------------------------------------------------


def _order(records: list[MarketData], lines: list[int]) -> tuple[list[BadLine], list[BadLine]]:
    """What is twice or goes back, and what is missing between two lines."""
    bad: list[BadLine] = []
    gaps: list[BadLine] = []
    series: dict[Series, list[tuple[datetime, int]]] = {}
    for record, line in zip(records, lines, strict=True):
        series.setdefault((record.venue, record.symbol, record.kind), []).append((record.event_time, line))
    for (venue, symbol, kind), points in series.items():
        of = f"{kind} of {symbol} at {venue}"
        rising = [points[0]]
        first_of = {points[0][0]: points[0][1]}
        for at, line in points[1:]:
            before, line_before = rising[-1]
            if at in first_of:
                message = f"{of}: {at.isoformat()} is in line {first_of[at]} already; keep one of the two"
                bad.append(bad_line(line, ExecutionError("EIM-007", message)))
            elif at < before:
                message = f"{of}: {at.isoformat()} comes after line {line_before} of {before.isoformat()}; sort by time"
                bad.append(bad_line(line, ExecutionError("EIM-007", message)))
            else:
                rising.append((at, line))
                first_of[at] = line
        if kind in ("bar", "funding"):
            gaps += _gaps(of, rising)
    return bad, gaps


def _gaps(of: str, points: list[tuple[datetime, int]]) -> Iterator[BadLine]:
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    if not steps:
        return
    usual: timedelta = Counter(steps).most_common(1)[0][0]
    for ((before, _), (after, line)), step in zip(pairwise(points), steps, strict=True):
        if step > usual:
            missing = round(step / usual) - 1
            message = f"{of}: {missing or 'part of one'} missing between {before.isoformat()} and {after.isoformat()}"
            yield bad_line(line, ExecutionError("EIM-007", message))


# --- lines --------------------------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[Line]:
    form = files.format_of(path.with_suffix("") if path.suffix.lower() == ".gz" else path)
    if form is None:
        raise ExecutionError(
            "EIM-007",
            f"{path.name} is of no known form",
            remedy="Give a file whose name ends with .csv, .parquet, .jsonl or .json; .gz may follow.",
        )
    content = _content(path)
    if form == "parquet":
        yield from _parquet(content)
    elif form == "csv":
        yield from _csv(content, path)
    else:
        for number, read in files.READERS[form](content):
            yield number, lambda read=read: files.mapping(read(), "market data")  # type: ignore[misc]


def _content(path: Path) -> bytes:
    try:
        if path.suffix.lower() != ".gz":
            return path.read_bytes()
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise ExecutionError(
            "EIM-007", f"{path} cannot be read: {error}", remedy="Give a file that is there and whole."
        ) from error
    if len(content) > MOST_BYTES:
        raise ExecutionError("EIM-007", f"{path.name} has more than {MOST_BYTES} bytes unpacked", remedy="Split it.")
    return content


def _csv(content: bytes, path: Path) -> Iterator[Line]:
    reader = csv.DictReader(io.StringIO(files.text_of(content), newline=""))
    if not reader.fieldnames:
        raise ExecutionError("EIM-007", f"{path.name} is empty", remedy="The first line of a CSV names its columns.")
    doubled = [name for name, count in Counter(reader.fieldnames).items() if count > 1]
    if doubled:
        raise ExecutionError(
            "EIM-007", f"{path.name} has the column {doubled[0]!r} twice", remedy="Keep one of the two."
        )
    for row in reader:
        yield reader.line_num, lambda row=row: _whole(row)  # type: ignore[misc]


def _whole(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    if None in row:
        raise ExecutionError("EIM-007", f"more cells than columns: {row[None]}")
    short = [name for name, value in row.items() if value is None]
    if short:
        raise ExecutionError("EIM-007", f"the line ends before column {short[0]!r}")
    return {name: value for name, value in row.items() if value != ""}


def _parquet(content: bytes) -> Iterator[Line]:
    arrow, parquet = load()
    try:
        rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    except arrow.ArrowException as error:
        raise ExecutionError("EIM-007", f"not Parquet: {error}") from error
    for number, row in enumerate(rows, start=1):
        yield number, lambda row=row: {name: _exact(value) for name, value in row.items() if value is not None}  # type: ignore[misc]


def _exact(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value
