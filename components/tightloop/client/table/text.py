"""Tables as text: JSON lines, which say everything, and CSV, which is flat. Amounts keep every digit in both."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tightloop.client.plain import as_data
from tightloop.client.table.columns import Column, Row, flat, value_at


class JsonLinesFile:
    """One object a line, nested as the record is. Amounts are text, times ISO text in UTC, bytes base64."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._file.write(_json(row) + "\n")

    def close(self) -> None:
        self._file.close()


class CsvFile:
    """One row a record. ``error.code`` is a field within a record; lists and maps are JSON; null is an empty cell."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._leaves = flat(columns)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)  # lines end in CR LF, so that a CR within a text is quoted, too
        self._writer.writerow([leaf.name for leaf in self._leaves])

    def write(self, rows: Iterable[Row]) -> None:
        self._writer.writerows([_cell(value_at(row, leaf.path)) for leaf in self._leaves] for row in rows)

    def close(self) -> None:
        self._file.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | list | tuple | dict):
        return _json(value)
    return str(as_data(value))


def _json(value: Any) -> str:
    return json.dumps(as_data(value), ensure_ascii=False, separators=(",", ":"))
