"""Transfers on Binance, live: withdrawals, deposits, and between the spot and the futures wallet.

To read beside https://developers.binance.com/docs/wallet/capital and
https://developers.binance.com/docs/wallet/asset/user-universal-transfer. What its refusals mean is in
``binance_wallet_verdicts.py``. All of it is ``/sapi``, which demo trading and testnets have not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tightloop.domain.venues import SPOT
from tightloop.records.types import PreparedTransfer
from tightloop.venues.adapter import Gate
from tightloop.venues.live.binance_wallet_verdicts import VERDICTS
from tightloop.venues.live.session import Session, text_of
from tightloop.venues.live.wallets import Between, Deposited, Moved, Network, deposit_row
from tightloop.venues.times import milliseconds, moment

PAGE = 100  # movements in an answer, at most
LONGEST = timedelta(days=7)  # that the history may be asked about by an id of ours
KEPT = timedelta(days=180)  # for how long movements are told
# The chains that lanes are named after, by Binance's names (networkList of capital/config/getall)
CHAINS = {
    "ETH": "ethereum",
    "ARBITRUM": "arbitrum",
    "OPTIMISM": "optimism",
    "BASE": "base",
    "MATIC": "polygon",
    "BSC": "bsc",
    "AVAXC": "avalanche",
}
TYPES = {("spot", "perp"): "MAIN_UMFUTURE", ("perp", "spot"): "UMFUTURE_MAIN"}
_UNDER_WAY, _GIVEN_BACK, _COMPLETED = ("0", "2", "4"), ("1", "3", "5"), "6"
_MOVED: dict[str, Literal["open", "filled", "rejected"]] = {
    "PENDING": "open",
    "CONFIRMED": "filled",
    "FAILED": "rejected",
}
_ARRIVED = ("1", "6")  # success; credited, and can't be withdrawn yet
SPOT_WALLET = "0"


class BinanceTransfers:
    """What differs (``wallets.Transfers``). ``venue``: as position keys have it; ``spot``, ``perp``: its sessions."""

    verdicts = VERDICTS
    fee_on_top = False
    named = True
    taken_for_s: float | None = None

    def __init__(self, venue: str, spot: Session, perp: Session) -> None:
        self._venue = venue
        self._spot = spot
        self.between: Between | None = BinanceMovements(spot, perp)

    def key(self, wallet: str, asset: str) -> str:
        return f"{self._venue}:{'BaseToken' if wallet == SPOT else 'MarginBalance'}:{asset}"

    async def time(self) -> datetime:
        return await _now(self._spot)

    # --- what it moves ------------------------------------------------------------------------------------------------

    async def networks(self, asset: str) -> list[Network]:
        """https://developers.binance.com/docs/wallet/capital/all-coins-info"""
        coins = await self._spot.ask("sapiGetCapitalConfigGetall", {})
        return [_network(row) for coin in coins if coin["coin"] == asset for row in coin["networkList"]]

    # --- out of it ----------------------------------------------------------------------------------------------------

    async def withdraw(self, client_order_id: str, what: PreparedTransfer, gate: Gate) -> str:
        """https://developers.binance.com/docs/wallet/capital/withdraw"""
        given = {
            "coin": what.asset,
            "withdrawOrderId": client_order_id,
            "network": what.network,
            "address": what.address,
            "amount": f"{what.amount:f}",
            "walletType": SPOT_WALLET,
        }
        return str((await self._spot.act("sapiPostCapitalWithdrawApply", given, gate))["id"])

    async def withdrawals(
        self, client_order_id: str, what: PreparedTransfer, since: datetime, until: datetime, known_id: str | None
    ) -> list[Moved]:
        """https://developers.binance.com/docs/wallet/capital/withdraw-history: without times it tells a week's."""
        if until - since > LONGEST:
            raise ValueError(f"it was tried for more than {LONGEST.days} days, which Binance can't be asked about")
        given = {"withdrawOrderId": client_order_id, "startTime": milliseconds(since), "endTime": milliseconds(until)}
        told = await self._spot.ask("sapiGetCapitalWithdrawHistory", given)
        return [_withdrawn(one, what) for one in told if one["withdrawOrderId"] == client_order_id]

    # --- into it ------------------------------------------------------------------------------------------------------

    async def address(self, asset: str, network: Network) -> str | None:
        """https://developers.binance.com/docs/wallet/capital/deposite-address"""
        told = await self._spot.ask("sapiGetCapitalDepositAddress", {"coin": asset, "network": network.id})
        return None if told.get("tag") else str(told["address"])

    async def deposited(self, reference: str) -> Deposited | None:
        """https://developers.binance.com/docs/wallet/capital/deposite-history: of the last ninety days."""
        told = await self._spot.ask("sapiGetCapitalDepositHisrec", {"txId": reference})
        row = deposit_row(told, "txId", reference)
        if row is None or str(row["status"]) not in _ARRIVED or str(row.get("travelRuleStatus", "0")) != "0":
            return None
        if str(row["walletType"]) != SPOT_WALLET:
            raise ValueError(f"the deposit of {reference} came into the funding wallet, and not into the spot wallet")
        return Deposited(
            id=str(row["id"]),
            asset=row["coin"],
            amount=Decimal(row["amount"]),
            at=moment(row.get("completeTime") or row["insertTime"]),
        )


class BinanceMovements:
    """Between the spot and the futures wallet (``wallets.Between``)."""

    def __init__(self, spot: Session, perp: Session) -> None:
        self._spot = spot
        self._perp = perp

    async def margins(self) -> Collection[str]:
        listed = (await self._perp.markets()).values()
        return {one["settle"] for one in listed if one["swap"] and one["linear"]}

    async def move(self, what: PreparedTransfer, gate: Gate) -> str:
        given = {"type": _type(what), "asset": what.asset, "amount": f"{what.amount:f}"}
        return str((await self._spot.act("sapiPostAssetTransfer", given, gate))["tranId"])

    async def movements(self, what: PreparedTransfer, since: datetime, until: datetime) -> Sequence[Moved]:
        """https://developers.binance.com/docs/wallet/asset/query-user-universal-transfer"""
        if await _now(self._spot) - since > KEPT:
            raise ValueError(f"it was asked for more than {KEPT.days} days ago, and Binance tells no longer of it")
        given = {"type": _type(what), "startTime": milliseconds(since), "endTime": milliseconds(until), "size": PAGE}
        told = await self._spot.ask("sapiGetAssetTransfer", given)
        rows = told.get("rows") or []  # where there is none, Binance leaves it out
        if len(rows) < int(told["total"]):
            raise ValueError(f"{told['total']} movements within a moment can't all be read")
        return [
            Moved(
                id=str(one["tranId"]),
                status=_MOVED[one["status"]],
                at=moment(one["timestamp"]),
                sent=Decimal(one["amount"]),
                raw=text_of(one),
            )
            for one in rows
            if one["asset"] == what.asset and Decimal(one["amount"]) == what.amount
        ]


async def _now(session: Session) -> datetime:
    return moment((await session.ask("publicGetTime", {}))["serverTime"])


def _network(row: Mapping[str, Any]) -> Network:
    return Network(
        name=CHAINS.get(row["network"], row["network"]),
        id=row["network"],
        usual=row["isDefault"],
        sends=row["withdrawEnable"],
        takes=row["depositEnable"],
        tagged=bool(row.get("withdrawTag")) or row.get("sameAddress") is True,
        fee=Decimal(row["withdrawFee"]),
        step=Decimal(row["withdrawIntegerMultiple"]),
        least_withdrawal=Decimal(row["withdrawMin"]),
        most_withdrawal=Decimal(row["withdrawMax"]),
        least_deposit=Decimal(row.get("depositDust") or 0),
    )


def _withdrawn(row: Mapping[str, Any], what: PreparedTransfer) -> Moved:
    """Raises ValueError for one that is not what was asked for, and for a state that is not documented."""
    sent, fee, status = Decimal(row["amount"]), Decimal(row["transactionFee"]), str(row["status"])
    if row["coin"] != what.asset or row["address"].lower() != (what.address or "").lower():
        raise ValueError(f"the withdrawal {row['id']} is of {row['coin']} to {row['address']}, which nobody asked for")
    if status == _COMPLETED and not row["txId"]:
        raise ValueError(f"the withdrawal {row['id']} is completed, and names no transaction")
    return Moved(
        id=str(row["id"]),
        status=_status(status),
        at=_read(row["applyTime"]),
        sent=sent,
        fee=fee,
        tx_hash=row["txId"] or None,
        over_at=_read(row["completeTime"]) if row.get("completeTime") else None,
        message=row.get("info") or None,
        raw=text_of(row),
    )


def _status(status: str) -> Literal["open", "filled", "reverted"]:
    if status in _UNDER_WAY:
        return "open"
    if status in _GIVEN_BACK:
        return "reverted"
    if status == _COMPLETED:
        return "filled"
    raise ValueError(f"a withdrawal's status {status} is not documented")


def _type(what: PreparedTransfer) -> str:
    return TYPES[what.source, what.destination or ""]


def _read(text: str) -> datetime:
    """``2019-10-12 11:12:02``, in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
