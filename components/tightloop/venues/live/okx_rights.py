"""What a key of OKX must be allowed to do, and what it must not: ``perm`` of ``GET account/config``."""

from __future__ import annotations

from tightloop.venues.live.rights import check_withdrawing, wrong


def check_rights(venue: str, perm: str, *, trades: bool, withdraws: bool) -> None:
    """``trades``: or is it to read only? ``withdraws``: does its lane? Raises ExecutionError EIF-012."""
    rights = perm.split(",")
    check_withdrawing(venue, "withdraw" in rights, trades=trades, withdraws=withdraws)
    if trades and "trade" not in rights:
        raise wrong(venue, f"may not trade (it has {perm})")
    if not trades and "trade" in rights:
        raise wrong(venue, f"is to read only, and may trade (it has {perm})")
    if trades and withdraws and "withdraw" not in rights:
        raise wrong(venue, f"may not withdraw (it has {perm}), and the lane has withdraws_to")
