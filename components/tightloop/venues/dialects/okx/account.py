"""OKX's trading account: ``account/…``, and of ``asset/…`` what coins there are. In futures mode, with cross margin."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.figures import empty, plain
from tightloop.venues.dialects.keys import READ, TRADE, WITHDRAW
from tightloop.venues.dialects.margin import CrossMargin
from tightloop.venues.dialects.okx.calls import Call, at_ms
from tightloop.venues.dialects.okx.funding import chain
from tightloop.venues.dialects.okx.listings import MAX_LEVERAGE
from tightloop.venues.dialects.okx.positions import margin_of, positions
from tightloop.venues.dialects.okx.refusals import OkxError, wrong_parameter
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.commands import SetPositionMode
from tightloop.venues.sim.fees import rate_of
from tightloop.venues.times import milliseconds

FUTURES_MODE = "2"  # acctLv
_OF_BALANCE = empty(
    "adjEq availEq borrowFroz imr isoEq mgnRatio mmr notionalUsd ordFroz upl notionalUsdForBorrow "
    "notionalUsdForFutures notionalUsdForOption"
)
_OF_COIN = empty(
    "borrowFroz clSpotInUseAmt crossLiab eqUsd fixedBal interest isoLiab liab maxLoan maxSpotInUse "
    "mgnRatio notionalLever smtSyncEq spotIsoBal twap uplLiab accAvgPx openAvgPx spotBal "
    "spotCopyTradingEq spotInUseAmt spotUpl spotUplRatio totalPnl"
)
_OF_ACCOUNT = empty(
    "ctIsoMode discordId liquidationGear mgnIsoMode spotOffsetType stgyType strategy strategyRoleType "
    "spotBorrowAutoRepay spotTraderInsts traderInsts"
)
_MODES = {"net_mode": False, "long_short_mode": True}


# --- balances -------------------------------------------------------------------------------------------------------


async def _balance(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        margin = margin_of(call)
        asked = [name for name in call.given.get("ccy", "").split(",") if name]
        held = sorted(
            {
                key.partition(":")[2].partition(":")[2]
                for key, amount in margin.account.balances.items()
                if amount and ":Perp:" not in key and ":Funding:" not in key
            }
        )
        details = [_detail(call, margin, coin) for coin in held if not asked or coin in asked]
        total = sum((Decimal(one["eq"]) for one in details if one["ccy"] in call.venue.settings.unified), ZERO)
        shown = {"notionalUsdForSwap": "", "totalEq": plain(total), "uTime": at_ms(call), "details": details}
        return [_OF_BALANCE | shown]

    return await call.look("positions", "", ask)


def _detail(call: Call, margin: CrossMargin, coin: str) -> dict[str, Any]:
    key = call.venue.settings.balance_key("spot", coin)
    cash, frozen = margin.account.balance(key), margin.account.reserved(key)
    settling = margin.settling_in(coin)
    profit = sum((margin.unrealised(one) for one in settling), ZERO)
    bound = sum((margin.bound(one) for one in settling), ZERO)
    ledger = margin.account.ledger
    return _OF_COIN | {
        "availBal": plain(cash - frozen),
        "availEq": plain(max(ZERO, cash + profit - bound - frozen)),
        "autoLendStatus": "off",
        "cashBal": plain(cash),
        "ccy": coin,
        "collateralEnabled": False,
        "disEq": plain(cash + profit),
        "eq": plain(cash + profit),
        "frozenBal": plain(frozen + bound),
        "imr": plain(bound),
        "isoEq": "0",
        "isoUpl": "0",
        "mmr": plain(sum((margin.kept(one) for one in settling), ZERO)),
        "ordFrozen": plain(frozen),
        "rewardBal": "0",
        "stgyEq": "0",
        "uTime": str(milliseconds(ledger[-1].event_time if ledger else margin.account.opened_at)),
        "upl": plain(profit),
    }


# --- settings ---------------------------------------------------------------------------------------------------------


def _config(call: Call) -> Any:
    if call.key is None:
        raise TypeError("a request that nobody signed has no key")
    names = {READ: "read_only", TRADE: "trade", WITHDRAW: "withdraw"}
    user = str(46_000_000 + sum(call.account_name.encode()))
    return [
        _OF_ACCOUNT
        | {
            "acctLv": FUTURES_MODE,
            "acctStpMode": "cancel_maker",
            "autoLoan": False,
            "enableSpotBorrow": False,
            "feeType": "0",
            "greeksType": "PA",
            "ip": "",
            "kycLv": "3",
            "label": call.account_name,
            "level": "Lv1",
            "levelTmp": "",
            "mainUid": user,
            "opAuth": "0",
            "perm": ",".join(names[right] for right in call.key.rights),
            "posMode": "long_short_mode" if call.account().hedged else "net_mode",
            "roleType": "0",
            "settleCcy": "USDT",
            "settleCcyList": ["USDT"],
            "spotRoleType": "0",
            "spotTraderInsts": [],
            "traderInsts": [],
            "type": "0",
            "uid": user,
        }
    ]


def _set_mode(call: Call) -> Any:
    """In hedge mode no order of a perpetual is taken here."""
    wanted = call.given["posMode"]
    hedged, account = _MODES[wanted], call.account()
    if hedged != account.hedged:
        if account.perps or any(order.listing.perp for order in account.working.values()):
            raise OkxError("59000", "Setting failed. Cancel any open orders and close positions first.")
        call.venue.desk.set_up(SetPositionMode(account=call.account_name, hedged=hedged))
    return [{"posMode": wanted}]


def _set_leverage(call: Call) -> Any:
    listing = call.venue.listings.named(call.given)
    wanted = Decimal(call.given["lever"])
    if not listing.perp or call.given["mgnMode"] != "cross" or not 1 <= wanted <= Decimal(MAX_LEVERAGE):
        raise wrong_parameter("lever")
    call.venue.leverage[call.account_name, listing.rules.symbol] = plain(wanted)
    return [{"instId": call.given["instId"], "lever": plain(wanted), "mgnMode": "cross", "posSide": ""}]


def _leverage(call: Call) -> Any:
    margin = margin_of(call)
    return [
        {"ccy": "", "instId": name, "lever": margin.leverage(listing), "mgnMode": "cross", "posSide": "net"}
        for name in call.given["instId"].split(",")
        for listing in [call.venue.listings.named({"instId": name})]
    ]


def _fees(call: Call) -> Any:
    """Below zero where they are charged."""
    kind = call.given["instType"]
    listings = call.venue.listings.asked({"instId": call.given.get("instId", ""), "instType": kind})
    if not listings:
        raise wrong_parameter("instType")
    maker, taker = (plain(-rate_of(call.account(), listings[0], side)) for side in ("maker", "taker"))
    swap = kind == "SWAP"
    none = {"delivery": "", "exercise": "", "fiat": [], "settle": "", "ruleType": "normal"}
    return [
        none
        | {
            "category": "1",
            "feeGroup": [{"groupId": "1", "maker": maker, "taker": taker}],
            "instType": kind,
            "level": "Lv1",
            "maker": "" if swap else maker,
            "makerU": maker if swap else "",
            "makerUSDC": maker,
            "taker": "" if swap else taker,
            "takerU": taker if swap else "",
            "takerUSDC": taker,
            "ts": at_ms(call),
        }
    ]


# --- the funding account ----------------------------------------------------------------------------------------------


def _coins(call: Call) -> Any:
    """``asset/currencies``: coins with the networks that the engine has."""
    settings, wanted = call.venue.settings, [one for one in call.given.get("ccy", "").split(",") if one]
    named = sorted({asset for rules in settings.symbols for asset in (rules.base, rules.quote)})
    return [
        {
            "burningFeeRate": "",
            "canDep": True,
            "canInternal": False,
            "canWd": True,
            "ccy": coin,
            "chain": chain(rules),
            "ctAddr": "",
            "depEstOpenTime": "",
            "depQuotaFixed": "",
            "depQuoteDailyLayer2": "",
            "fee": plain(rules.fee),
            "logoLink": "",
            "mainNet": True,
            "maxFee": plain(rules.fee),
            "maxFeeForCtAddr": "",
            "maxWd": "9999999999",
            "minDep": plain(rules.least_deposit),
            "minDepArrivalConfirm": str(settings.deposit_confirmations),
            "minFee": plain(rules.fee),
            "minFeeForCtAddr": "",
            "minInternal": "0",
            "minWd": plain(rules.least_withdrawal),
            "minWdUnlockConfirm": str(settings.deposit_confirmations),
            "name": coin,
            "needTag": False,
            "usedDepQuotaFixed": "",
            "usedWdQuota": "0",
            "wdEstOpenTime": "",
            "wdQuota": "1000000",
            "wdTickSz": "8",
        }
        for coin in named
        if not wanted or coin in wanted
        for rules in settings.networks_of(coin)
    ]


READS: dict[str, Callable[[Call], Any]] = {
    "GET /api/v5/account/balance": _balance,
    "GET /api/v5/account/positions": positions,
    "GET /api/v5/account/config": _config,
    "GET /api/v5/account/leverage-info": _leverage,
    "GET /api/v5/account/trade-fee": _fees,
    "GET /api/v5/asset/currencies": _coins,
}
TRADES: dict[str, Callable[[Call], Any]] = {
    "POST /api/v5/account/set-position-mode": _set_mode,
    "POST /api/v5/account/set-leverage": _set_leverage,
}
