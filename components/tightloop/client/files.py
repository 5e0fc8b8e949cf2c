"""Instructions from a file: JSON lines, JSON, CSV or Parquet. Every line becomes an Instruction or a complaint."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from tightloop.client.blocks import instruction_from
from tightloop.client.groups import broken_groups
from tightloop.client.table.parquet import load
from tightloop.domain.validate import check_instruction
from tightloop.errors import ExecutionError
from tightloop.records.types import Instruction
from tightloop.venues import registry
from tightloop.wire import codec

Format = Literal["jsonl", "json", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "parquet")
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}


class BadLine(Struct, frozen=True):
    """``line``: from 1; in a CSV the heading is line 1, in JSON and Parquet it is the number of the element."""

    line: int
    code: str
    message: str
    remedy: str


def bad_line(line: int, error: ExecutionError) -> BadLine:
    return BadLine(line, error.code, error.message, error.remedy)


class Parsed(Struct, frozen=True):
    """``lines``: where each instruction stands."""

    instructions: tuple[Instruction, ...]
    lines: tuple[int, ...]
    bad: tuple[BadLine, ...]


def format_of(path: Path) -> Format | None:
    """By its ending; None when that says nothing."""
    return _SUFFIXES.get(path.suffix.lower())


def parse(
    content: bytes,
    form: Format,
    *,
    defaults: Mapping[str, Any] | None = None,
    now: datetime,
    partial_groups: bool = False,
) -> Parsed:
    """Every instruction of ``content``, valid and encodable, or the complaint about its line.

    A group that is not whole is a complaint about each of its lines, unless ``partial_groups`` says that its other legs
    come from elsewhere. ``defaults`` stand in for fields that a line lacks. Raises ExecutionError EIM-007 for content
    that is not of this form at all.
    """
    venues = registry.known().venues
    good: list[Instruction] = []
    lines: list[int] = []
    bad: list[BadLine] = []
    for number, read in READERS[form](content):
        try:
            instruction = instruction_from({**(defaults or {}), **mapping(read(), "an instruction")}, now=now)
            check_instruction(instruction, venues)
            codec.encode(instruction)
        except ExecutionError as error:
            bad.append(bad_line(number, error))
        else:
            good.append(instruction)
            lines.append(number)
    if not partial_groups:
        good, lines = _whole_groups(good, lines, bad)
    return Parsed(tuple(good), tuple(lines), tuple(sorted(bad, key=lambda one: one.line)))


def _whole_groups(good: list[Instruction], lines: list[int], bad: list[BadLine]) -> tuple[list[Instruction], list[int]]:
    """Without the legs of groups that are not whole, which are added to ``bad``."""
    without: set[int] = set()
    for places, error in broken_groups(good):
        without.update(places)
        bad.extend(bad_line(lines[place], error) for place in places)
    kept = [place for place in range(len(good)) if place not in without]
    return [good[place] for place in kept], [lines[place] for place in kept]


Read = Callable[[], Any]  # raises ExecutionError for a line that can't be read


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """Raises ExecutionError EIM-007 for what is none."""
    if not isinstance(value, Mapping):
        raise ExecutionError("EIM-007", f"{what} is a mapping of its fields, not {type(value).__name__}")
    return value


def _itself(value: Any) -> Any:
    return value


def _json_lines(content: bytes) -> Iterator[tuple[int, Read]]:
    for number, line in enumerate(text_of(content).splitlines(), start=1):
        if line.strip():
            yield number, partial(_json, line)


def _json_document(content: bytes) -> Iterator[tuple[int, Read]]:
    """A list of instructions, or a single one."""
    found = _json(text_of(content))
    for number, one in enumerate(found if isinstance(found, list) else [found], start=1):
        yield number, partial(_itself, one)


def _csv(content: bytes) -> Iterator[tuple[int, Read]]:
    """Columns are fields; ``cex_trade.symbol`` is a field within; an empty cell is no value; ``[`` begins JSON."""
    reader = csv.DictReader(io.StringIO(text_of(content), newline=""))
    if not reader.fieldnames or "type" not in reader.fieldnames:
        raise ExecutionError("EIM-007", "the first line of a CSV must name its columns, `type` among them")
    for row in reader:
        yield reader.line_num, partial(_unflattened, row)


def _parquet(content: bytes) -> Iterator[tuple[int, Read]]:
    arrow, parquet = load()
    try:
        rows = parquet.read_table(io.BytesIO(content)).to_pylist(maps_as_pydicts="strict")
    except arrow.ArrowException as error:
        raise ExecutionError("EIM-007", f"not Parquet: {error}") from error
    for number, row in enumerate(rows, start=1):
        yield number, partial(_unflattened, row)


READERS: dict[Format, Callable[[bytes], Iterator[tuple[int, Read]]]] = {
    "jsonl": _json_lines,
    "json": _json_document,
    "csv": _csv,
    "parquet": _parquet,
}


def text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExecutionError("EIM-007", f"the file is not UTF-8 text: {error}") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ExecutionError("EIM-007", f"not JSON: {error}") from error


def _no_number(text: str) -> Any:
    raise ExecutionError("EIM-007", f"{text} is not a number that can be traded")


def _unflattened(row: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name is None:
            raise ExecutionError("EIM-007", f"more cells than columns: {value}")
        if value is None or value == "":
            continue
        if isinstance(value, str) and value[:1] in ("[", "{"):
            value = _json(value)
        place = found
        *groups, last = str(name).split(".")
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise ExecutionError("EIM-007", f"column {name!r}: {group!r} is a field and a group of fields")
        place[last] = value
    return found
