"""What the broker says while it works: a callback, so that the library itself stays silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What is being done now. ``done`` and ``total`` are bytes; both are 0 where there is nothing to count."""

    text: str
    done: int = 0
    total: int = 0


Report = Callable[[Step], None]


def silent(step: Step) -> None:
    """Says nothing: the default."""
