"""What a key of Binance must be allowed to do, and what it must not.

https://developers.binance.com/docs/wallet/account/api-key-permission
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightloop.errors import ExecutionError

TRADING = {"spot": "enableSpotAndMarginTrading", "perp": "enableFutures"}
_MOVING = ("permitsUniversalTransfer", "enableInternalTransfer")  # between wallets, and to accounts below or above


def check_rights(venue: str, market: str, told: Mapping[str, Any], *, trades: bool, withdraws: bool) -> None:
    """``told``: of the key for ``market``; ``trades``: or is it to read only? ``withdraws``: does its lane?

    Withdrawals are made with the spot key; where both keys are one, it has the right for futures, too. Raises
    ExecutionError EIF-012.
    """
    right = TRADING[market]
    if told["enableWithdrawals"] and not (trades and withdraws):
        why = "and the lane has no withdraws_to" if trades else "and is to read only"
        raise _wrong(venue, market, f"may withdraw, {why}")
    if trades and withdraws and market == "spot" and not told["enableWithdrawals"]:
        raise _wrong(venue, market, "may not withdraw (enableWithdrawals is off), and the lane has withdraws_to")
    if trades and not told[right]:
        raise _wrong(venue, market, f"may not trade ({right} is off)")
    if not trades and told[right]:
        raise _wrong(venue, market, f"is to read only, and may trade ({right} is on)")
    for moves in _MOVING:
        if not trades and told.get(moves):
            raise _wrong(venue, market, f"is to read only, and may move money between accounts ({moves} is on)")
    if not told["enableReading"]:
        raise _wrong(venue, market, "may not read (enableReading is off)")


def _wrong(venue: str, market: str, what: str) -> ExecutionError:
    return ExecutionError("EIF-012", f"{venue}: the {market} key {what}")
