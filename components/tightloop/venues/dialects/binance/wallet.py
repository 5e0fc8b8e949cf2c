"""Of Binance's wallet and margin endpoints (``/sapi``): what a key may do, its fees; and that nothing is borrowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.figures import joined
from tightloop.venues.dialects.keys import READ, TRADE, WITHDRAW
from tightloop.venues.sim.commands import SetFees
from tightloop.venues.sim.fees import USUAL, rate_of
from tightloop.venues.times import milliseconds


def _restrictions(call: Call) -> Any:
    """https://developers.binance.com/docs/wallet/account/api-key-permission"""
    rights = call.key.rights if call.key is not None else ()
    return {
        "ipRestrict": False,
        "createTime": milliseconds(call.account().opened_at),
        "enableReading": READ in rights,
        "enableWithdrawals": WITHDRAW in rights,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": TRADE in rights,
        "permitsUniversalTransfer": TRADE in rights,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": TRADE in rights,
        "enablePortfolioMarginTrading": False,
    }


def _none(call: Call) -> Any:
    """Margin trading is not modelled: no pair has any."""
    return []


def _fees(call: Call) -> Any:
    return [
        {
            "symbol": joined(listing.rules.symbol),
            "makerCommission": f"{rate_of(call.account(), listing, 'maker'):f}",
            "takerCommission": f"{rate_of(call.account(), listing, 'taker'):f}",
        }
        for listing in call.venue.spot.asked(call.given)
    ]


def _pays_in_bnb(call: Call) -> Any:
    """https://developers.binance.com/docs/margin_trading/account/Get-BNB-Burn-Status"""
    return {"spotBNBBurn": call.account().fees.get("spot", USUAL).in_coin, "interestBNBBurn": False}


def _pay_in_bnb(call: Call) -> Any:
    """https://developers.binance.com/docs/wallet/asset/Toggle-BNB-Burn-On-Spot-Trade-And-Margin-Interest"""
    wanted = call.given.get("spotBNBBurn")
    if wanted is not None:
        call.venue.desk.set_up(SetFees(account=call.account_name, market="spot", in_coin=wanted.lower() == "true"))
    return _pays_in_bnb(call)


READS: dict[str, Callable[[Call], Any]] = {
    "GET /sapi/v1/account/apiRestrictions": _restrictions,
    "GET /sapi/v1/bnbBurn": _pays_in_bnb,
    "GET /sapi/v1/asset/tradeFee": _fees,
    "GET /sapi/v1/margin/allPairs": _none,
    "GET /sapi/v1/margin/isolated/allPairs": _none,
}
TRADES: dict[str, Callable[[Call], Any]] = {"POST /sapi/v1/bnbBurn": _pay_in_bnb}
