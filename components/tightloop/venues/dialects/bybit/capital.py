"""Money that comes to Bybit's unified account and leaves it: withdrawals and deposits.

https://bybit-exchange.github.io/docs/v5/asset/withdraw, .../asset/withdraw/withdraw-record and
.../asset/deposit/deposit-record. What the pages do not say, and what is done here: a ``requestId`` is taken once, and
again refused with 10014; the ``amount`` of the history is what was sent, without its fee. There is no funding account:
what is withdrawn leaves the unified one, and what failed or was deposited comes there, as with the deposit account set
to UNIFIED.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.bybit.calls import Call
from tightloop.venues.dialects.bybit.coins import chain, network_of
from tightloop.venues.dialects.bybit.refusals import BybitError, of_wallet, too_little, wrong_parameter
from tightloop.venues.dialects.calls import is_plain_id
from tightloop.venues.dialects.figures import empty, plain
from tightloop.venues.dialects.moving import (
    coin_of,
    deposits,
    is_address,
    moved_by,
    number_of,
    withdrawals,
)
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import MoveFunds
from tightloop.venues.sim.network import deposit_address
from tightloop.venues.sim.withdrawals import Moved
from tightloop.venues.times import milliseconds

T = TypeVar("T")
_MONTH = timedelta(days=30)
_MOST = 50
_STATUS = {"open": "Pending", "filled": "success", "reverted": "Fail"}
_INSIDE, _ALL = "1", "2"  # withdrawType: on chain is 0
_INCLUDED = "1"  # feeType: the fee comes out of the amount


# --- out of it --------------------------------------------------------------------------------------------------------


async def _withdraw(call: Call) -> Any:
    given = call.given
    coin, address, own = given["coin"], given["address"], given.get("requestId")
    rules = network_of(call, coin, given.get("chain", ""))
    if rules is None:
        raise BybitError(131097, "Withdrawal of this currency has been closed")
    if given.get("tag") or given.get("forceChain") == "2":
        raise wrong_parameter("an address on a chain without tags is withdrawn to")
    if own and not is_plain_id(own):
        raise wrong_parameter("requestId is of 1 to 32 letters and digits")
    if not is_address(address):
        raise BybitError(131093, "The withdrawal address is not in the whitelist")
    if given["accountType"] == "FUND":
        raise too_little()
    if own and any(one.command.client_order_id == own for one in withdrawals(call)):
        raise BybitError(10014, "Invalid duplicate request.")
    command = MoveFunds(
        account=call.account_name,
        client_order_id=own or f"withdrawal-{secrets.token_hex(8)}",
        asset=coin,
        amount=Decimal(given["amount"]) - (rules.fee if given.get("feeType") == _INCLUDED else ZERO),
        timestamp=call.signed_time.at,
        address=address,
        network=rules.network,
    )
    try:
        return {"id": number_of(await moved_by(call, command))}
    except VenueError as refusal:
        raise of_wallet(refusal) from refusal


async def _withdrawals(call: Call) -> Any:
    """Newest first. A month at most, the last one where no time is given."""
    given = call.given

    def ask() -> dict[str, Any]:
        told = _told(call)
        found = [
            one
            for one in withdrawals(call)
            if given.get("withdrawType", "0") != _INSIDE
            and call.wants(coin=one.command.asset, withdrawID=number_of(one), txID=one.reference)
            and told(one.entries[0])
        ]
        return _page(call, found, lambda one: one.entries[0], _withdrawal)

    return await call.look("find", given.get("withdrawID", ""), ask)


def _withdrawal(call: Call, moved: Moved) -> dict[str, Any]:
    command, (debit, *back) = moved.command, moved.entries
    status = call.venue.desk.exchange.transfers.status(moved, call.now)
    over_at = back[0].event_time if back else (moved.sent_at if status == "filled" else debit.event_time)
    fee = plain(sum((one.amount for one in debit.fees), ZERO))
    return {
        "coin": command.asset,
        "chain": chain(command.network or ""),
        "amount": plain(command.amount),
        "txID": moved.reference if status == "filled" else "",
        "status": _STATUS[status],
        "toAddress": command.address,
        "tag": "",
        "withdrawFee": fee,
        "createTime": str(milliseconds(debit.event_time)),
        "updateTime": str(milliseconds(over_at)),
        "withdrawId": number_of(moved),
        "withdrawType": 0,
        "fee": "",
        "tax": "",
        "taxRate": "",
        "taxType": "",
    }


# --- into it ----------------------------------------------------------------------------------------------------------


async def _deposits(call: Call) -> Any:
    """Newest first. A month at most, the last one where no time is given."""
    given = call.given

    def ask() -> dict[str, Any]:
        told = _told(call)
        found = [
            entry
            for entry in deposits(call, ("BaseToken", "MarginBalance"))
            if call.wants(id=str(entry.sequence), txID=entry.tx_hash, coin=coin_of(entry)) and told(entry)
        ]
        return _page(call, found, lambda entry: entry, _deposit)

    return await call.look("find", given.get("txID", ""), ask)


def _deposit(call: Call, entry: LedgerEntry) -> dict[str, Any]:
    coin = coin_of(entry)
    networks = call.venue.settings.networks_of(coin)
    return {
        "id": str(entry.sequence),
        "coin": coin,
        "chain": chain(networks[0].network) if networks else "",
        "amount": plain(entry.deltas[0].amount),
        "txID": entry.tx_hash,
        "status": 3,
        "toAddress": deposit_address(call.venue.desk.lane, call.account_name),
        "successAt": str(milliseconds(entry.event_time)),
        "confirmations": str(call.venue.settings.deposit_confirmations),
        "txIndex": "0",
        "batchReleaseLimit": "-1",
        "depositType": "0",
        "taxDepositRecordsId": "0",
        "taxStatus": 0,
        **empty("tag depositFee blockHash fromAddress"),
    }


def _told(call: Call) -> Callable[[LedgerEntry], bool]:
    """Is it within the times that are asked for? What came since the request did is told, too."""
    since, until = call.times(_MONTH, _MONTH)
    bounded = bool(call.given.get("endTime"))
    return lambda entry: since <= entry.event_time and (not bounded or entry.event_time <= until)


def _page(
    call: Call, found: list[T], line: Callable[[T], LedgerEntry], shown: Callable[[Call, T], dict[str, Any]]
) -> dict[str, Any]:
    """``line``: of the ledger, by which they are in order."""
    page, cursor = call.page(found, lambda one: line(one).sequence or 0, _MOST, _MOST)
    return {"rows": [shown(call, one) for one in page], "nextPageCursor": cursor}


READS: dict[str, Callable[[Call], Any]] = {
    "GET /v5/asset/withdraw/query-record": _withdrawals,
    "GET /v5/asset/deposit/query-record": _deposits,
}
WITHDRAWS: dict[str, Callable[[Call], Any]] = {"POST /v5/asset/withdraw/create": _withdraw}
TRADES: dict[str, Callable[[Call], Any]] = {}
