"""Tables as pandas frames. pandas is imported when a frame is asked for.

=========================  =============================================
what the record has        dtype of the column
=========================  =============================================
text, an enum              ``string``
an integer                 ``Int64``
true or false              ``boolean``
a time                     ``datetime64[us, UTC]``
an amount                  ``object``, of ``decimal.Decimal``
bytes                      ``object``, of ``bytes``
a list, a map              ``object``, of lists (of dicts) and of dicts
=========================  =============================================

A nested record is taken apart: ``error.code`` is a column. What is null is ``<NA>``, ``NaT`` or ``None``.
"""

from __future__ import annotations

from typing import Any

from tightloop.client.extras import extra
from tightloop.client.table.columns import Kind, Row, TopicTable, flat, value_at

_DTYPES: dict[Kind, str] = {"text": "string", "integer": "Int64", "boolean": "boolean"}


def load_pandas() -> Any:
    """Raises ExecutionError BUS-001 where pandas is not installed."""
    return extra("pandas", "pandas", "a frame")


def frame_of(table: TopicTable, rows: list[Row]) -> Any:
    """A ``pandas.DataFrame`` of the rows; the dtypes are the same whatever they hold, and without any."""
    pandas = load_pandas()
    columns = {}
    for leaf in flat(table.columns):
        values = [value_at(row, leaf.path) for row in rows]
        if leaf.kind == "time":
            columns[leaf.name] = pandas.Series(pandas.DatetimeIndex(values, dtype="datetime64[us, UTC]"))
        else:
            columns[leaf.name] = pandas.Series(values, dtype=_DTYPES.get(leaf.kind, "object"))
    return pandas.DataFrame(columns)
