"""OKX's funding account: what lies there, withdrawals, deposits, and what is moved between it and the trading account.

https://www.okx.com/docs-v5/en/#funding-account-rest-api. What the section does not say, and what is done here: a
``clientId`` of a withdrawal is refused (51000) while one with it is under way, and that of a transfer is no more than a
name; the state of a transfer that is not there is an empty list; what is withdrawn leaves the balance at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.calls import is_plain_id
from tightloop.venues.dialects.figures import plain
from tightloop.venues.dialects.moving import (
    coin_of,
    deposits,
    is_address,
    moved_by,
    number_of,
    transfers,
    withdrawals,
)
from tightloop.venues.dialects.okx.calls import Call
from tightloop.venues.dialects.okx.refusals import OkxError, of_engine, wrong_parameter
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import MoveFunds
from tightloop.venues.sim.network import deposit_address
from tightloop.venues.sim.settings import NetworkRules
from tightloop.venues.sim.withdrawals import Moved
from tightloop.venues.times import milliseconds

FUNDING, TRADING = "6", "18"
_STATE = {"open": "0", "filled": "2", "reverted": "-1"}
_ON_CHAIN = "4"


def chain(rules: NetworkRules) -> str:
    """As OKX calls it: ``USDT-ERC20``."""
    return f"{rules.asset}-{'ERC20' if rules.network == 'ethereum' else rules.network}"


def _id_of(call: Call) -> str:
    """``clientId``. Raises OkxError."""
    own = call.given.get("clientId", "")
    if own and not is_plain_id(own):
        raise wrong_parameter("clientId")
    return own


async def _act(call: Call, command: MoveFunds) -> Moved:
    """Raises OkxError."""
    try:
        return await moved_by(call, command)
    except VenueError as refusal:
        raise _of_wallet(refusal) from refusal


_WALLET = {
    "insufficient_balance": ("58350", "Insufficient balance"),
    "insufficient_margin": ("58350", "Insufficient balance"),
    "duplicate_client_order_id": ("51000", "Parameter clientId error"),
    "operation_not_supported": ("58200", "Withdrawal from this account is unavailable for this currency"),
    "invalid_order": ("58206", "Withdrawal amount is lower than the lower limit"),
    "order_rejected": ("58204", "Withdrawal suspended"),
}


def _of_wallet(refusal: VenueError) -> OkxError:
    """The engine's refusal of a transfer in OKX's words."""
    return OkxError(*_WALLET[refusal.code]) if refusal.code in _WALLET else of_engine(refusal)


# --- between the accounts ---------------------------------------------------------------------------------------------


async def _transfer(call: Call) -> Any:
    given, own = call.given, _id_of(call)
    wallets = {TRADING: "spot", FUNDING: "funding"}
    source, to = wallets.get(given["from"]), wallets.get(given["to"])
    if source is None or to is None or source == to or given.get("type", "0") != "0":
        raise wrong_parameter("from or to")
    command = MoveFunds(
        account=call.account_name,
        client_order_id=f"{own or 'transfer'}-{secrets.token_hex(8)}",
        asset=given["ccy"],
        amount=Decimal(given["amt"]),
        timestamp=call.signed_time.at,
        source="spot" if source == "spot" else "funding",
        destination="spot" if to == "spot" else "funding",
    )
    moved = await _act(call, command)
    return [_moved(moved, own)]


def _moved(moved: Moved, own: str) -> dict[str, Any]:
    numbers = {"spot": TRADING, "funding": FUNDING}
    return {
        "transId": _transfer_id(moved),
        "ccy": moved.command.asset,
        "clientId": own,
        "from": numbers[moved.command.source],
        "amt": plain(moved.command.amount),
        "to": numbers[moved.command.destination or ""],
    }


def _transfer_id(moved: Moved) -> str:
    return str(moved.entries[0].sequence)


async def _transfer_state(call: Call) -> Any:
    number, own = call.given.get("transId"), call.given.get("clientId")
    if not number and not own:
        raise OkxError("50015", "Either parameter transId or clientId is required")

    def ask() -> list[dict[str, Any]]:
        for one in transfers(call):
            name = one.command.client_order_id.rpartition("-")[0]
            if one.command.destination is None or (number != _transfer_id(one) if number else own != name):
                continue
            more = {"type": "0", "subAcct": "", "instId": "", "toInstId": "", "state": "success"}
            return [_moved(one, "" if name == "transfer" else name) | more]
        return []

    return await call.look("find", number or own or "", ask)


async def _balances(call: Call) -> Any:
    """Of what there is something."""

    def ask() -> list[dict[str, Any]]:
        asked = [one for one in call.given.get("ccy", "").split(",") if one]
        found = []
        for key, amount in sorted(call.account().balances.items()):
            kind, _, coin = key.partition(":")[2].partition(":")
            if kind == "Funding" and amount and (not asked or coin in asked):
                found.append({"ccy": coin, "bal": plain(amount), "frozenBal": "0", "availBal": plain(amount)})
        return found

    return await call.look("positions", "", ask)


# --- out of it --------------------------------------------------------------------------------------------------------


async def _withdraw(call: Call) -> Any:
    given, own = call.given, _id_of(call)
    rules = next((one for one in call.venue.settings.networks_of(given["ccy"]) if call.wants(chain=chain(one))), None)
    if rules is None or given["dest"] != _ON_CHAIN:
        raise OkxError("58200", "Withdrawal from this account is unavailable for this currency")
    if not is_address(given["toAddr"]):
        raise OkxError("58207", "Withdrawal failed due to address error")
    command = MoveFunds(
        account=call.account_name,
        client_order_id=own or f"withdrawal-{secrets.token_hex(8)}",
        asset=given["ccy"],
        amount=Decimal(given["amt"]),
        timestamp=call.signed_time.at,
        source="funding",
        address=given["toAddr"],
        network=rules.network,
    )
    moved = await _act(call, command)
    named = {"ccy": rules.asset, "chain": chain(rules), "amt": plain(command.amount)}
    return [named | {"wdId": number_of(moved), "clientId": own}]


async def _withdrawals(call: Call) -> Any:
    given = call.given

    def ask() -> list[dict[str, Any]]:
        found = [
            one
            for one in withdrawals(call)
            if call.wants(ccy=one.command.asset, wdId=number_of(one), txId=one.reference, type=_ON_CHAIN)
            and call.wants(clientId=one.command.client_order_id)
        ]
        shown = [_withdrawal(call, one) for one in _page(call, found, lambda one: one.entries[0])]
        return [one for one in shown if call.wants(state=one["state"])]

    return await call.look("find", given.get("clientId", ""), ask)


def _withdrawal(call: Call, moved: Moved) -> dict[str, Any]:
    command, debit = moved.command, moved.entries[0]
    status = call.venue.desk.exchange.transfers.status(moved, call.now)
    rules = next(one for one in call.venue.settings.networks_of(command.asset) if one.network == command.network)
    return {
        "note": "",
        "chain": chain(rules),
        "fee": plain(sum((one.amount for one in debit.fees), ZERO)),
        "feeCcy": command.asset,
        "ccy": command.asset,
        "clientId": command.client_order_id,
        "toAddrType": "1",
        "amt": plain(command.amount),
        "txId": moved.reference if status == "filled" else "",
        "from": call.account_name,
        "areaCodeFrom": "",
        "to": command.address,
        "areaCodeTo": "",
        "state": _STATE[status],
        "ts": str(milliseconds(debit.event_time)),
        "nonTradableAsset": False,
        "wdId": number_of(moved),
    }


# --- into it ----------------------------------------------------------------------------------------------------------


async def _deposits(call: Call) -> Any:
    given = call.given

    def ask() -> list[dict[str, Any]]:
        found = [
            entry
            for entry in deposits(call, ("Funding",))
            if call.wants(ccy=coin_of(entry), depId=str(entry.sequence), txId=entry.tx_hash, state="2", type=_ON_CHAIN)
        ]
        return [_deposit(call, entry) for entry in _page(call, found, lambda entry: entry)]

    return await call.look("find", given.get("txId", ""), ask)


def _deposit(call: Call, entry: LedgerEntry) -> dict[str, Any]:
    networks = call.venue.settings.networks_of(coin_of(entry))
    return {
        "actualDepBlkConfirm": str(call.venue.settings.deposit_confirmations),
        "amt": plain(entry.deltas[0].amount),
        "areaCodeFrom": "",
        "ccy": coin_of(entry),
        "chain": chain(networks[0]) if networks else "",
        "depId": str(entry.sequence),
        "from": "",
        "fromWdId": "",
        "state": "2",
        "to": deposit_address(call.venue.desk.lane, call.account_name),
        "ts": str(milliseconds(entry.event_time)),
        "txId": entry.tx_hash,
    }


def _address(call: Call) -> Any:
    """One that was never used before is made by asking."""
    networks = call.venue.settings.networks_of(call.given["ccy"])
    if not networks:
        raise OkxError("58006", "Service unavailable for this token")
    return [
        {
            "chain": chain(rules),
            "ctAddr": "",
            "ccy": rules.asset,
            "to": FUNDING,
            "addr": deposit_address(call.venue.desk.lane, call.account_name),
            "verifiedName": call.account_name,
            "selected": True,
        }
        for rules in networks
    ]


def _page(call: Call, found: list[Any], line: Callable[[Any], LedgerEntry]) -> list[Any]:
    """Older than ``after`` and newer than ``before``, which are times."""
    return call.page(found, lambda one: str(milliseconds(line(one).event_time)))


READS: dict[str, Callable[[Call], Any]] = {
    "GET /api/v5/asset/balances": _balances,
    "GET /api/v5/asset/transfer-state": _transfer_state,
    "GET /api/v5/asset/withdrawal-history": _withdrawals,
    "GET /api/v5/asset/deposit-history": _deposits,
    "GET /api/v5/asset/deposit-address": _address,
}
TRADES: dict[str, Callable[[Call], Any]] = {"POST /api/v5/asset/transfer": _transfer}
WITHDRAWS: dict[str, Callable[[Call], Any]] = {"POST /api/v5/asset/withdrawal": _withdraw}
