"""Groups of entries of which a key keeps the latest alone."""

from __future__ import annotations

from msgspec import Struct

from tightloop.handlers.api import Context


def put_latest(context: Context, name: str, record: Struct, most: int) -> None:
    """Write an entry, and forget the oldest of its group where that makes more than ``most``. An entry that is written
    again keeps its place among the others.
    """
    context.put(name, record)
    group = name.partition("|")[0]
    kept = context.oldest(group, type(record), most + 1)
    if len(kept) > most:
        context.delete(kept[0][0])
