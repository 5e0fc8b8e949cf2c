"""What a key of Bybit must be allowed to do, and what it must not.

https://bybit-exchange.github.io/docs/v5/user/apikey-info
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tightloop.errors import ExecutionError

_TRADING = (("Spot", "SpotTrade"), ("ContractTrade", "Order"), ("ContractTrade", "Position"))


def check_rights(venue: str, key: Mapping[str, Any], *, trades: bool, withdraws: bool) -> None:
    """``trades``: or is it to read only? ``withdraws``: does its lane? Raises ExecutionError EIF-012."""
    rights: Mapping[str, Sequence[str]] = key["permissions"]
    reads_only, may_withdraw = str(key["readOnly"]) == "1", "Withdraw" in rights.get("Wallet", ())
    if may_withdraw and not (trades and withdraws):
        raise _wrong(venue, f"may withdraw, {'and the lane has no withdraws_to' if trades else 'and is to read only'}")
    if not trades:
        if not reads_only:
            raise _wrong(venue, "is to read only, and may trade (readOnly is 0)")
        return
    for kind, right in _TRADING:
        if reads_only or right not in rights.get(kind, ()):
            raise _wrong(venue, f"may not trade ({kind}: {right} is off)")
    if withdraws and not may_withdraw:
        raise _wrong(venue, "may not withdraw (Wallet: Withdraw is off), and the lane has withdraws_to")
    if withdraws and not key["isMaster"]:
        raise _wrong(venue, "is a subaccount's, which can't withdraw, and the lane has withdraws_to")


def _wrong(venue: str, what: str) -> ExecutionError:
    return ExecutionError("EIF-012", f"{venue}: the key {what}")
