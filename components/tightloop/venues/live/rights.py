"""What an exchange's key must not be allowed to do, whatever the exchange calls its rights."""

from __future__ import annotations

from tightloop.errors import ExecutionError


def check_withdrawing(venue: str, may: bool, *, trades: bool, withdraws: bool, key: str = "key") -> None:
    """Only a key that trades for a lane that withdraws ``may`` withdraw. Raises ExecutionError EIF-012."""
    if may and not (trades and withdraws):
        why = "and the lane has no withdraws_to" if trades else "and is to read only"
        raise wrong(venue, f"may withdraw, {why}", key)


def wrong(venue: str, what: str, key: str = "key") -> ExecutionError:
    """``key``: which of them, where there are several."""
    return ExecutionError("EIF-012", f"{venue}: the {key} {what}")
