"""What a key of OKX must be allowed to do, and what it must not: ``perm`` of ``GET account/config``."""

from __future__ import annotations

from tightloop.errors import ExecutionError


def check_rights(venue: str, perm: str, *, trades: bool, withdraws: bool) -> None:
    """``trades``: or is it to read only? ``withdraws``: does its lane? Raises ExecutionError EIF-012."""
    rights = perm.split(",")
    if "withdraw" in rights and not (trades and withdraws):
        raise _wrong(venue, f"may withdraw, {'and the lane has no withdraws_to' if trades else 'and is to read only'}")
    if trades and "trade" not in rights:
        raise _wrong(venue, f"may not trade (it has {perm})")
    if not trades and "trade" in rights:
        raise _wrong(venue, f"is to read only, and may trade (it has {perm})")
    if trades and withdraws and "withdraw" not in rights:
        raise _wrong(venue, f"may not withdraw (it has {perm}), and the lane has withdraws_to")


def _wrong(venue: str, what: str) -> ExecutionError:
    return ExecutionError("EIF-012", f"{venue}: the key {what}")
