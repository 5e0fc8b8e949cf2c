"""Bybit's account: ``/v5/account/…``, ``/v5/user/query-api``.

https://bybit-exchange.github.io/docs/v5/account/wallet-balance and the pages beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.margin import STABLE, Margin
from tightloop.venues.dialects.bybit.refusals import wrong_parameter
from tightloop.venues.dialects.figures import joined, plain
from tightloop.venues.dialects.keys import TRADE, WITHDRAW
from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.fees import rate_of
from tightloop.venues.times import milliseconds

UNIFIED_2 = 5  # unifiedMarginStatus: "Unified trading account 2.0"
_KEY_LASTS = timedelta(days=90)
_RATE = Decimal("0.0001")

# --- balances ---------------------------------------------------------------------------------------------------------


async def _wallet(call: Call) -> Any:
    if call.given["accountType"] != "UNIFIED":
        raise wrong_parameter("accountType only support UNIFIED")

    def ask() -> dict[str, Any]:
        margin = Margin(call)
        asked = [name for name in call.given.get("coin", "").split(",") if name]
        coins = [_coin(call, margin, name) for name in _held(call) if not asked or name in asked]
        return {"list": [{"accountType": "UNIFIED", **_totals(call, margin), "coin": coins}]}

    return await call.look("positions", "", ask)


def _balance_key(call: Call, coin: str) -> str:
    return call.venue.settings.balance_key("spot", coin)


def _held(call: Call) -> list[str]:
    """The coins of which there is something."""
    found = set()
    for key, amount in call.account().balances.items():
        kind, _, coin = key.partition(":")[2].partition(":")
        if kind != "Perp" and amount:
            found.add(coin)
    return sorted(found)


def _coin(call: Call, margin: Margin, coin: str) -> dict[str, Any]:
    key = _balance_key(call, coin)
    wallet, locked = margin.account.balance(key), margin.account.reserved(key)
    settling = margin.settling_in(coin)
    profit = sum((margin.unrealised(listing) for listing in settling), ZERO)
    equity = wallet + profit
    return {
        "coin": coin,
        "equity": plain(equity),
        "usdValue": _dollars(equity * margin.dollars(coin)),
        "walletBalance": plain(wallet),
        "locked": plain(locked),
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "availableToWithdraw": "",
        "accruedInterest": "0",
        "totalOrderIM": "0",
        "totalPositionIM": plain(sum((margin.bound(listing) for listing in settling), ZERO)),
        "totalPositionMM": plain(sum((margin.kept(listing) for listing in settling), ZERO)),
        "unrealisedPnl": plain(profit),
        "cumRealisedPnl": plain(_realised(call, key)),
        "bonus": "0",
        "marginCollateral": coin in STABLE,
        "collateralSwitch": coin in STABLE,
        "availableToBorrow": "",
        "spotBorrow": "0",
    }


def _realised(call: Call, key: str) -> Decimal:
    """What positions that settle in this coin have realised, without fees."""
    return sum(
        (
            line.entry.realised_pnl
            for line in call.lines()
            if line.listing is not None and line.listing.quote_key == key and line.entry.realised_pnl is not None
        ),
        ZERO,
    )


def _totals(call: Call, margin: Margin) -> dict[str, str]:
    """In dollars. Coins that perpetuals do not settle in are no margin here."""
    held = _held(call)
    balances = {coin: margin.account.balance(_balance_key(call, coin)) for coin in held}
    wallet = sum((balances[coin] * margin.dollars(coin) for coin in held), ZERO)
    profit = sum((margin.unrealised(listing) for listing in margin.held), ZERO)
    initial = sum((margin.bound(listing) for listing in margin.held), ZERO)
    kept = sum((margin.kept(listing) for listing in margin.held), ZERO)
    usable = sum((balances.get(coin, ZERO) for coin in STABLE), ZERO) + profit
    locked = sum((margin.account.reserved(_balance_key(call, coin)) for coin in STABLE), ZERO)
    return {
        "accountLTV": "",
        "accountIMRate": _share(initial, usable),
        "accountIMRateByMp": _share(initial, usable),
        "accountMMRate": _share(kept, usable),
        "accountMMRateByMp": _share(kept, usable),
        "totalEquity": _dollars(wallet + profit),
        "totalWalletBalance": _dollars(wallet),
        "totalMarginBalance": _dollars(usable),
        "totalAvailableBalance": _dollars(max(ZERO, usable - initial - locked)),
        "totalPerpUPL": _dollars(profit),
        "totalInitialMargin": _dollars(initial),
        "totalInitialMarginByMp": _dollars(initial),
        "totalMaintenanceMargin": _dollars(kept),
        "totalMaintenanceMarginByMp": _dollars(kept),
    }


def _dollars(amount: Decimal) -> str:
    return plain(rounding.NEAREST.quantize(amount, rounding.PENNY))


def _share(part: Decimal, whole: Decimal) -> str:
    return plain(rounding.NEAREST.quantize(rounding.NEAREST.divide(part, whole), _RATE)) if whole > 0 else "0"


# --- what the account is ----------------------------------------------------------------------------------------------


def _info(call: Call) -> Any:
    return {
        "unifiedMarginStatus": UNIFIED_2,
        "marginMode": "REGULAR_MARGIN",
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(milliseconds(call.account().opened_at)),
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
    }


def _fees(call: Call) -> Any:
    shown = [
        {
            "symbol": joined(listing.rules.symbol),
            "baseCoin": "" if call.spot else listing.rules.base,
            "takerFeeRate": plain(rate_of(call.account(), listing, "taker")),
            "makerFeeRate": plain(rate_of(call.account(), listing, "maker")),
        }
        for listing in call.listings.asked(call.given)
    ]
    return {"category": "spot", "list": shown} if call.spot else {"list": shown}


def _key(call: Call) -> Any:
    """https://bybit-exchange.github.io/docs/v5/user/apikey-info"""
    if call.key is None:
        raise TypeError("a request that nobody signed has no key")
    rights, opened = call.key.rights, call.account().opened_at
    wallet = ["AccountTransfer", "SubMemberTransfer"] + (["Withdraw"] if WITHDRAW in rights else [])
    return {
        "id": str(user_id(call.account_name)),
        "note": call.account_name,
        "apiKey": call.key.key,
        "readOnly": 0 if TRADE in rights else 1,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"],
            "Spot": ["SpotTrade"],
            "Wallet": wallet,
            "Options": [],
            "Derivatives": ["DerivativesTrade"],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": _KEY_LASTS.days,
        "expiredAt": f"{opened + _KEY_LASTS:%Y-%m-%dT%H:%M:%SZ}",
        "createdAt": f"{opened:%Y-%m-%dT%H:%M:%SZ}",
        "unified": 0,
        "uta": 1,
        "userID": user_id(call.account_name),
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def user_id(account: str) -> int:
    return 24_600_000 + sum(account.encode())


READS: dict[str, Callable[[Call], Any]] = {
    "GET /v5/account/wallet-balance": _wallet,
    "GET /v5/account/info": _info,
    "GET /v5/account/fee-rate": _fees,
    "GET /v5/user/query-api": _key,
}
TRADES: dict[str, Callable[[Call], Any]] = {}
