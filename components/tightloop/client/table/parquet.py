"""Tables as Parquet: nested records are structs, lists lists, times UTC in microseconds, amounts exact decimals.

Amounts have 18 places. A file begins with 38 digits, the most that DuckDB, Spark and most others read exactly: amounts
below 10^20. The first one that is larger turns the whole file's into the 76 digits of the schemas.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tightloop.client.extras import extra
from tightloop.client.table.columns import Column, Row
from tightloop.wire.avro import DIGITS, PLACES

NARROW_DIGITS = 38


class ParquetFile:
    """Each ``write`` is a row group. ``digits``: of its amounts. Raises ExecutionError BUS-001 without pyarrow."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._arrow, self._parquet = load()
        self._path = path
        self._columns = columns
        self.digits = NARROW_DIGITS
        self._schema = self._schema_of(self.digits)
        self._writer = self._begin(path)

    def write(self, rows: list[Row]) -> None:
        if not rows:
            return
        try:
            batch = self._batch(rows)
        except self._arrow.ArrowInvalid:  # an amount of more digits: nothing else of a record can be refused
            if self.digits == DIGITS:
                raise
            self._widen()
            batch = self._batch(rows)
        self._writer.write_batch(batch, row_group_size=len(rows))

    def close(self) -> None:
        self._writer.close()

    def _batch(self, rows: list[Row]) -> Any:
        return self._arrow.RecordBatch.from_pylist(rows, schema=self._schema)

    def _widen(self) -> None:
        """Writes what there is again, with amounts of all digits, one row group at a time."""
        self._writer.close()
        self.digits = DIGITS
        self._schema = self._schema_of(DIGITS)
        wide = self._path.with_name(f"{self._path.name}.wide")
        self._writer = self._begin(wide)
        with self._parquet.ParquetFile(self._path) as narrow:
            for group in range(narrow.num_row_groups):
                self._writer.write_table(narrow.read_row_group(group).cast(self._schema))
        wide.replace(self._path)

    def _begin(self, path: Path) -> Any:
        return self._parquet.ParquetWriter(path, self._schema, compression="zstd")

    def _schema_of(self, digits: int) -> Any:
        return self._arrow.schema([(one.name, self._type(one, digits)) for one in self._columns])

    def _type(self, column: Column, digits: int) -> Any:
        arrow = self._arrow
        match column.kind:
            case "text":
                return arrow.string()
            case "bytes":
                return arrow.binary()
            case "boolean":
                return arrow.bool_()
            case "integer":
                return arrow.int32() if column.bits == 32 else arrow.int64()
            case "decimal":
                return arrow.decimal128(digits, PLACES) if digits <= 38 else arrow.decimal256(digits, PLACES)
            case "time":
                return arrow.timestamp("us", "UTC")
            case "list":
                return arrow.list_(self._type(column.parts[0], digits))
            case "map":
                return arrow.map_(arrow.string(), self._type(column.parts[0], digits))
            case "record":
                return arrow.struct([(part.name, self._type(part, digits)) for part in column.parts])


def load() -> tuple[Any, Any]:
    """pyarrow and its Parquet. Raises ExecutionError BUS-001."""
    return extra("pyarrow", "export", "Parquet"), extra("pyarrow.parquet", "export", "Parquet")
