"""What an exchange's refusals mean: one table an exchange, whose every row has its source. What no row knows proves
nothing, and is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from tightloop.handlers.calls import Ambiguous, NotSent, Refused, Unavailable
from tightloop.venues.live.session import Said

Meaning = Literal[
    "refused",  # nothing was done, and nothing will be
    "not_sent",  # nothing was done; the same may be sent again
    "unknown",  # neither success nor rejection
    "duplicate",  # an order with this id is there: ask for it
    "no_such_order",
    "not_open",  # what is to be cancelled does not work (any more), or never did: ask for it
]
UNKNOWN, UNAVAILABLE = "EXI-005", "EXI-003"


class Row(Struct, frozen=True):
    """``codes``: the exchange's own, or ``HTTP 503`` for a status without one. ``says``: a part of the message, if any.

    ``code``: the catalogue's. ``source``: where the exchange says so.
    """

    codes: tuple[str, ...]
    meaning: Meaning
    code: str
    source: str
    says: str = ""


class Verdicts:
    """A table, asked from its top: the first row that fits."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)

    def row(self, said: Said) -> Row:
        """The first one that fits, or one that says ``unknown``."""
        key = said.code or f"HTTP {said.status}"
        for row in self.rows:
            if key in row.codes and row.says.lower() in said.message.lower():
                return row
        return Row((), "unknown", UNKNOWN, "no row of the table knows it")

    def of_act(self, said: Said) -> Refused | NotSent | Ambiguous:
        """Of a request that was to change something."""
        row = self.row(said)
        if row.meaning == "refused":
            return Refused(row.code, said.words, said.raw)
        if row.meaning == "not_sent":
            return NotSent(row.code, said.words, said.retry_after_s or 0.0, said.raw)
        return Ambiguous(said.words, said.raw)

    def of_question(self, said: Said) -> Unavailable:
        """Of a request that only asked: whatever the exchange said, it is no evidence."""
        row = self.row(said)
        return Unavailable(row.code if row.meaning in ("refused", "not_sent") else UNAVAILABLE, said.words)
