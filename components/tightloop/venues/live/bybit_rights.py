"""What a key of Bybit must be allowed to do, and what it must not.

https://bybit-exchange.github.io/docs/v5/user/apikey-info
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tightloop.venues.live.rights import check_withdrawing, wrong

_TRADING = (("Spot", "SpotTrade"), ("ContractTrade", "Order"), ("ContractTrade", "Position"))


def check_rights(venue: str, key: Mapping[str, Any], *, trades: bool, withdraws: bool) -> None:
    """``trades``: or is it to read only? ``withdraws``: does its lane? Raises ExecutionError EIF-012."""
    rights: Mapping[str, Sequence[str]] = key["permissions"]
    reads_only, may_withdraw = str(key["readOnly"]) == "1", "Withdraw" in rights.get("Wallet", ())
    check_withdrawing(venue, may_withdraw, trades=trades, withdraws=withdraws)
    if not trades:
        if not reads_only:
            raise wrong(venue, "is to read only, and may trade (readOnly is 0)")
        return
    for kind, right in _TRADING:
        if reads_only or right not in rights.get(kind, ()):
            raise wrong(venue, f"may not trade ({kind}: {right} is off)")
    if withdraws and not may_withdraw:
        raise wrong(venue, "may not withdraw (Wallet: Withdraw is off), and the lane has withdraws_to")
    if withdraws and not key["isMaster"]:
        raise wrong(venue, "is a subaccount's, which can't withdraw, and the lane has withdraws_to")
