"""What a key of Binance must be allowed to do, and what it must not.

https://developers.binance.com/docs/wallet/account/api-key-permission
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tightloop.venues.live.rights import check_withdrawing, wrong

TRADING = {"spot": "enableSpotAndMarginTrading", "perp": "enableFutures"}
_MOVING = ("permitsUniversalTransfer", "enableInternalTransfer")  # between wallets, and to accounts below or above


def check_rights(venue: str, market: str, told: Mapping[str, Any], *, trades: bool, withdraws: bool) -> None:
    """``told``: of the key for ``market``; ``trades``: or is it to read only? ``withdraws``: does its lane?

    Withdrawals are made with the spot key; where both keys are one, it has the right for futures, too. Raises
    ExecutionError EIF-012.
    """
    right, key, may_withdraw = TRADING[market], f"{market} key", told["enableWithdrawals"]
    check_withdrawing(venue, may_withdraw, trades=trades, withdraws=withdraws, key=key)
    if trades and withdraws and market == "spot" and not may_withdraw:
        raise wrong(venue, "may not withdraw (enableWithdrawals is off), and the lane has withdraws_to", key)
    if trades and not told[right]:
        raise wrong(venue, f"may not trade ({right} is off)", key)
    if not trades and told[right]:
        raise wrong(venue, f"is to read only, and may trade ({right} is on)", key)
    for moves in _MOVING:
        if not trades and told.get(moves):
            raise wrong(venue, f"is to read only, and may move money between accounts ({moves} is on)", key)
    if not told["enableReading"]:
        raise wrong(venue, "may not read (enableReading is off)", key)
