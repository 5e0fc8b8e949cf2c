"""Coins and the networks on which they come and go: ``capital/config/getall``, ``capital/deposit/address``.

https://developers.binance.com/docs/wallet/capital/all-coins-info and
https://developers.binance.com/docs/wallet/capital/deposite-address
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.refusals import BinanceError, missing
from tightloop.venues.dialects.figures import fixed
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.network import deposit_address
from tightloop.venues.sim.settings import NetworkRules


class Named(NamedTuple):
    """A chain as Binance calls it."""

    id: str
    name: str
    confirmations: int


NETWORKS = {
    "ethereum": Named("ETH", "Ethereum (ERC20)", 6),
    "arbitrum": Named("ARBITRUM", "Arbitrum One", 20),
}
_NONE = fixed(ZERO)
_MOST = "9999999999"
_ADDRESSES = "^(0x)[0-9A-Fa-f]{40}$"


def network_id(network: str) -> str:
    """Of a chain's lane; one that Binance has no name for keeps its own."""
    return NETWORKS[network].id if network in NETWORKS else network.upper()


def networks_of(call: Call, coin: str) -> list[NetworkRules]:
    """Raises BinanceError for a coin that has none."""
    found = call.venue.desk.exchange.settings.networks_of(coin)
    if not found:
        raise BinanceError(-4018, "We don't have this asset.")
    return found


def network_of(call: Call, coin: str) -> NetworkRules:
    """The one that is asked for, or the coin's usual one. Raises BinanceError."""
    found, wanted = networks_of(call, coin), call.given.get("network")
    for one in found:
        if wanted in (None, network_id(one.network)):
            return one
    raise BinanceError(-4019, "Current asset is not open for withdrawal.")


def _coins(call: Call) -> Any:
    account, settings = call.account(), call.venue.desk.exchange.settings
    listed = {asset for rules in settings.symbols for asset in (rules.base, rules.quote)}
    found = []
    for coin in sorted(listed | {one.asset for one in settings.networks}):
        key = f"{call.venue.prefix}:BaseToken:{coin}"
        locked = account.reserved(key)
        networks = settings.networks_of(coin)
        found.append(
            {
                "coin": coin,
                "depositAllEnable": bool(networks),
                "withdrawAllEnable": bool(networks),
                "name": coin,
                "free": fixed(account.balance(key) - locked),
                "locked": fixed(locked),
                "freeze": _NONE,
                "withdrawing": _NONE,
                "ipoing": _NONE,
                "ipoable": _NONE,
                "storage": _NONE,
                "isLegalMoney": False,
                "trading": True,
                "networkList": [_network(call, one, first=one is networks[0]) for one in networks],
            }
        )
    return found


def _network(call: Call, rules: NetworkRules, *, first: bool) -> dict[str, Any]:
    known = NETWORKS.get(rules.network)
    return {
        "network": network_id(rules.network),
        "coin": rules.asset,
        "withdrawIntegerMultiple": "0.00000001",
        "isDefault": first,
        "depositEnable": True,
        "withdrawEnable": True,
        "depositDesc": "",
        "withdrawDesc": "",
        "specialTips": "",
        "specialWithdrawTips": "",
        "name": known.name if known else rules.network,
        "resetAddressStatus": False,
        "addressRegex": _ADDRESSES,
        "memoRegex": "",
        "withdrawFee": f"{rules.fee:f}",
        "withdrawMin": f"{rules.least_withdrawal:f}",
        "withdrawMax": _MOST,
        "withdrawInternalMin": "0.00000001",
        "depositDust": f"{rules.least_deposit:f}",
        "minConfirm": known.confirmations if known else call.venue.desk.exchange.settings.deposit_confirmations,
        "unLockConfirm": 0,
        "sameAddress": False,
        "withdrawTag": False,
        "estimatedArrivalTime": 1,
        "busy": False,
        "contractAddressUrl": "",
        "contractAddress": "",
    }


def _address(call: Call) -> Any:
    coin = call.given.get("coin")
    if not coin:
        raise missing("coin")
    network_of(call, coin)
    address = deposit_address(call.venue.desk.lane, call.account_name)
    return {"coin": coin, "address": address, "tag": "", "url": f"https://etherscan.io/address/{address}"}


READS: dict[str, Callable[[Call], Any]] = {
    "GET /sapi/v1/capital/config/getall": _coins,
    "GET /sapi/v1/capital/deposit/address": _address,
}
TRADES: dict[str, Callable[[Call], Any]] = {}
