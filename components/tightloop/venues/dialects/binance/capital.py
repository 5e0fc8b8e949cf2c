"""Money that moves: withdrawals, deposits, and transfers between an account's own wallets (``/sapi/v1/capital``,
``/sapi/v1/asset/transfer``).

https://developers.binance.com/docs/wallet/capital/withdraw, .../withdraw-history, .../deposite-history and
https://developers.binance.com/docs/wallet/asset/user-universal-transfer, .../query-user-universal-transfer. What the
pages do not say, and what is done here: a ``withdrawOrderId`` that is still under way is refused; the ``amount`` of the
history is what was sent, without its fee.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.binance.coins import network_id, network_of, networks_of
from tightloop.venues.dialects.binance.placing import decimal
from tightloop.venues.dialects.binance.refusals import BinanceError, missing, of_wallet
from tightloop.venues.dialects.figures import PLACES
from tightloop.venues.dialects.moving import coin_of, deposits, digest, is_address, moved_by, transfers, withdrawals
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import MoveFunds
from tightloop.venues.sim.withdrawals import Moved
from tightloop.venues.times import milliseconds, moment

Wallet = Literal["spot", "perp"]
_MOVES: dict[str, tuple[Wallet, Wallet]] = {"MAIN_UMFUTURE": ("spot", "perp"), "UMFUTURE_MAIN": ("perp", "spot")}
_STATUS = {"open": 4, "filled": 6, "reverted": 5}
_WEEK, _QUARTER, _HALF_YEAR = timedelta(days=7), timedelta(days=90), timedelta(days=180)


async def _act(call: Call, command: MoveFunds) -> Moved:
    """The transfer that it made. Raises BinanceError."""
    try:
        return await moved_by(call, command)
    except VenueError as refusal:
        raise of_wallet(refusal, inside=command.destination is not None) from refusal


# --- between the account's wallets ------------------------------------------------------------------------------------


async def _move(call: Call) -> Any:
    wallets = _MOVES.get(call.given["type"])
    if wallets is None:
        raise BinanceError(-4001, "Invalid operation.")
    command = MoveFunds(
        account=call.account_name,
        client_order_id=f"move-{secrets.token_hex(8)}",
        asset=call.given["asset"],
        amount=_amount(call),
        timestamp=call.signed_time.at,
        source=wallets[0],
        destination=wallets[1],
    )
    if call.given["asset"] not in {one.quote for one in call.venue.desk.exchange.settings.symbols}:
        raise BinanceError(-5003, "You don't have this asset.")
    return {"tranId": _number(await _act(call, command))}


def _number(moved: Moved) -> int:
    """The same as the income history has it."""
    return moved.entries[0].sequence or 0


async def _moves(call: Call) -> Any:
    """Newest first. At most half a year back; a week where no time is given."""
    kind = call.given["type"]

    def ask() -> dict[str, Any]:
        start = _since(call, _WEEK, _HALF_YEAR)
        rows = [
            {
                "asset": one.command.asset,
                "amount": f"{one.command.amount:f}",
                "type": kind,
                "status": "CONFIRMED",
                "tranId": _number(one),
                "timestamp": milliseconds(one.entries[0].event_time),
            }
            for one in transfers(call)
            if (one.command.source, one.command.destination) == _MOVES.get(kind)
            and start <= one.entries[0].event_time
            and call.between(one.entries[0].event_time)
        ]
        size = max(1, min(int(call.given.get("size") or 10), 100))
        first = (int(call.given.get("current") or 1) - 1) * size
        return {"total": len(rows), "rows": rows[first : first + size]}

    return await call.look("find", kind, ask)


# --- out of the exchange ----------------------------------------------------------------------------------------------


async def _withdraw(call: Call) -> Any:
    coin, address = call.given["coin"], call.given["address"]
    rules = network_of(call, coin)
    if call.given.get("addressTag"):
        raise BinanceError(-4106, "The network does not support a tag.")
    if not is_address(address):
        raise BinanceError(-4033, "Illegal address.")
    amount = _amount(call)
    if amount < rules.least_withdrawal:
        raise BinanceError(-4022, f"Not less than the minimum pick-up quantity {rules.least_withdrawal:f}.")
    command = MoveFunds(
        account=call.account_name,
        client_order_id=call.given.get("withdrawOrderId") or f"withdrawal-{secrets.token_hex(8)}",
        asset=coin,
        amount=amount,
        timestamp=call.signed_time.at,
        address=address,
        network=rules.network,
    )
    return {"id": _withdrawal_id(await _act(call, command))}


def _withdrawal_id(moved: Moved) -> str:
    return digest(moved).hex()


async def _withdrawals(call: Call) -> Any:
    """Newest first. With a ``withdrawOrderId`` at most seven days, the last ones where no time is given."""
    own = call.given.get("withdrawOrderId")
    start, end = call.given.get("startTime"), call.given.get("endTime")
    most = _WEEK if own else _QUARTER
    if start and end and int(end) - int(start) > most // timedelta(milliseconds=1):
        raise BinanceError(-4047, f"Time interval must be within 0-{most.days} days")

    def ask() -> list[dict[str, Any]]:
        since = _since(call, most, None)
        ids = call.given.get("idList", "").split(",")
        found = [
            _withdrawal(one, call.venue.desk.exchange.transfers.status(one, call.now))
            for one in withdrawals(call)
            if own in (None, one.command.client_order_id)
            and call.given.get("coin") in (None, one.command.asset)
            and since <= one.entries[0].event_time
            and call.between(one.entries[0].event_time)
        ]
        wanted = call.given.get("status")
        found = [one for one in found if wanted in (None, str(one["status"])) and (ids == [""] or one["id"] in ids)]
        return _page(call, found)

    return await call.look("find", own or "", ask)


def _withdrawal(moved: Moved, status: str) -> dict[str, Any]:
    command, (debit, *back) = moved.command, moved.entries
    fee = sum((one.amount for one in debit.fees), Decimal(0))
    row = {
        "id": _withdrawal_id(moved),
        "amount": f"{command.amount - fee:f}",
        "transactionFee": f"{fee:f}",
        "coin": command.asset,
        "status": _STATUS[status],
        "address": command.address,
        "txId": moved.reference if status == "filled" else "",
        "applyTime": _words(debit.event_time),
        "network": network_id(command.network or ""),
        "transferType": 0,
        "withdrawOrderId": command.client_order_id,
        "info": "The network did not take it." if status == "reverted" else "",
        "confirmNo": 1 if status == "filled" else 0,
        "walletType": 0,
        "txKey": "",
    }
    if status != "open":
        row["completeTime"] = _words(back[0].event_time if back else moved.sent_at)
    return row


def _words(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


# --- into it ----------------------------------------------------------------------------------------------------------


async def _deposits(call: Call) -> Any:
    """Newest first. At most ninety days."""

    def ask() -> list[dict[str, Any]]:
        since = _since(call, _QUARTER, None)
        found = [
            _deposit(call, entry)
            for entry in deposits(call, ("BaseToken",))
            if since <= entry.event_time and call.between(entry.event_time)
        ]
        given = call.given
        return _page(
            call,
            [
                one
                for one in found
                if given.get("txId") in (None, one["txId"])
                and given.get("coin") in (None, one["coin"])
                and given.get("status") in (None, str(one["status"]))
            ],
        )

    return await call.look("find", call.given.get("txId", ""), ask)


def _deposit(call: Call, entry: LedgerEntry) -> dict[str, Any]:
    coin = coin_of(entry)
    address = call.venue.desk.sandbox.deposit_address(call.venue.desk.lane, call.account_name, coin, None)
    row = {
        "id": str(entry.sequence),
        "amount": f"{entry.deltas[0].amount:f}",
        "coin": coin,
        "network": network_id(networks_of(call, coin)[0].network),
        "status": 1,
        "address": address.address,
        "addressTag": "",
        "txId": entry.tx_hash,
        "insertTime": milliseconds(entry.event_time),
        "completeTime": milliseconds(entry.event_time),
        "transferType": 0,
        "confirmTimes": "1/1",
        "unlockConfirm": 0,
        "walletType": 0,
        "travelRuleStatus": 0,
    }
    if call.given.get("includeSource", "").lower() == "true":
        row["sourceAddress"] = ""
    return row


# --- parameters -------------------------------------------------------------------------------------------------------


def _amount(call: Call) -> Decimal:
    """Raises BinanceError."""
    amount = decimal("amount", call.given, PLACES)
    if not amount:
        raise missing("amount")
    return amount


def _since(call: Call, usual: timedelta, most: timedelta | None) -> datetime:
    """From when on rows are told: where no ``startTime`` is given, ``usual`` before now; ``most``: never older."""
    start, end = call.given.get("startTime"), call.given.get("endTime")
    since = moment(int(start)) if start else (moment(int(end)) if end else call.now) - usual
    return since if most is None else max(since, call.now - most)


def _page(call: Call, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = int(call.given.get("offset") or 0)
    return rows[first : first + call.limit(1000, 1000)]


READS: dict[str, Callable[[Call], Any]] = {
    "GET /sapi/v1/asset/transfer": _moves,
    "GET /sapi/v1/capital/withdraw/history": _withdrawals,
    "GET /sapi/v1/capital/deposit/hisrec": _deposits,
}
TRADES: dict[str, Callable[[Call], Any]] = {"POST /sapi/v1/asset/transfer": _move}
WITHDRAWS: dict[str, Callable[[Call], Any]] = {"POST /sapi/v1/capital/withdraw/apply": _withdraw}
