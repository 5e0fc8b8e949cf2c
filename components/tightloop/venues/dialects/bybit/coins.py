"""Coins of Bybit, and the chains on which they come and go.

https://bybit-exchange.github.io/docs/v5/asset/coin-info and .../asset/deposit/master-deposit-addr
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.refusals import BybitError, wrong_parameter
from tightloop.venues.dialects.figures import plain
from tightloop.venues.sim.network import deposit_address
from tightloop.venues.sim.settings import NetworkRules

CHAINS = {"ethereum": "ETH", "arbitrum": "ARBI"}
_TYPES = {"ethereum": "Ethereum (ERC20)", "arbitrum": "Arbitrum One"}
_MOST_WITHDRAWN = "9999999999"


def chain(network: str) -> str:
    """As Bybit calls it; one that it has no name for keeps its own."""
    return CHAINS.get(network, network.upper())


def network_of(call: Call, coin: str, name: str) -> NetworkRules | None:
    """The coin's rules on the chain that Bybit calls so."""
    return next((one for one in call.venue.settings.networks_of(coin) if chain(one.network) == name), None)


def _coins(call: Call) -> Any:
    """With the networks that the engine has."""
    settings = call.venue.settings
    named = {asset for rules in settings.symbols for asset in (rules.base, rules.quote)}
    wanted = call.given.get("coin")
    if wanted and wanted not in named:
        raise BybitError(170221, "This coin does not exist.")
    return {"rows": [_row(call, coin) for coin in sorted(named) if wanted in (None, "", coin)]}


def _row(call: Call, coin: str) -> dict[str, Any]:
    settings = call.venue.settings
    chains = [
        {
            "chain": chain(rules.network),
            "chainType": _TYPES.get(rules.network, rules.network.capitalize()),
            "confirmation": str(settings.deposit_confirmations),
            "withdrawFee": plain(rules.fee),
            "depositMin": plain(rules.least_deposit),
            "withdrawMin": plain(rules.least_withdrawal),
            "minAccuracy": "8",
            "chainDeposit": "1",
            "chainWithdraw": "1",
            "withdrawPercentageFee": "0",
            "contractAddress": "",
            "safeConfirmNumber": str(settings.deposit_confirmations),
        }
        for rules in settings.networks_of(coin)
    ]
    return {"name": coin, "coin": coin, "remainAmount": _MOST_WITHDRAWN, "chains": chains}


def _address(call: Call) -> Any:
    coin = call.given["coin"]
    shown = [
        {
            "chainType": _TYPES.get(rules.network, rules.network.capitalize()),
            "addressDeposit": deposit_address(call.venue.desk.lane, call.account_name),
            "tagDeposit": "",
            "chain": chain(rules.network),
            "batchReleaseLimit": "-1",
            "contractAddress": "",
        }
        for rules in call.venue.settings.networks_of(coin)
        if call.wants(chainType=chain(rules.network))
    ]
    if not shown:
        raise wrong_parameter("coin or chainType is none that takes deposits")
    return {"coin": coin, "chains": shown}


READS: dict[str, Callable[[Call], Any]] = {
    "GET /v5/asset/coin/query-info": _coins,
    "GET /v5/asset/deposit/query-address": _address,
}
TRADES: dict[str, Callable[[Call], Any]] = {}
