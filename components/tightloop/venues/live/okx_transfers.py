"""Transfers on OKX, live: withdrawals, and deposits; both by way of the funding account.

To read beside https://www.okx.com/docs-v5/en/#funding-account-rest-api. What its refusals mean is in
``okx_wallet_verdicts.py``. What an account holds of a coin lies in its trading account (18) and its funding account
(6): what is moved between them changes no position. A withdrawal leaves the funding account, so that what this lacks is
moved there first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from tightloop.domain import money
from tightloop.records.types import PreparedTransfer
from tightloop.venues.adapter import Gate
from tightloop.venues.http import Broken, NotLeft
from tightloop.venues.live.okx_wallet_verdicts import NOT_IN_DEMO, VERDICTS
from tightloop.venues.live.session import Said, Session, text_of
from tightloop.venues.live.wallets import Between, Deposited, Moved, Network, deposit_row
from tightloop.venues.okx import SPEC
from tightloop.venues.times import moment

FUNDING, TRADING = "6", "18"
# The chains that lanes are named after, by OKX's names (what follows the coin in ``chain`` of asset/currencies)
CHAINS = {
    "ERC20": "ethereum",
    "Arbitrum One": "arbitrum",
    "Optimism": "optimism",
    "Base": "base",
    "Polygon": "polygon",
    "BSC": "bsc",
    "Avalanche C-Chain": "avalanche",
}
_ON_CHAIN = "4"  # ``dest``
_UNDER_WAY = ("19", "17", "10", "0", "4", "5", "6", "8", "9", "12", "7", "1", "15", "16", "-3")
_GIVEN_BACK, _SUCCESS = ("-2", "-1"), "2"
_ARRIVED = ("1", "2")  # credited, and can't be withdrawn yet; successful
_DONE, _FAILED = "success", "failed"


class OkxTransfers:
    """What differs (``wallets.Transfers``). ``venue``: as position keys have it."""

    verdicts = VERDICTS
    between: Between | None = None
    fee_on_top = True
    named = True
    taken_for_s: float | None = 30.0  # "REST Authentication"; ``expTime`` binds orders alone

    def __init__(self, venue: str, session: Session) -> None:
        self._venue = venue
        self._session = session

    def key(self, wallet: str, asset: str) -> str:
        return f"{self._venue}:{SPEC.balance_type(wallet, asset)}:{asset}"

    async def time(self) -> datetime:
        return moment((await self._session.ask("publicGetPublicTime", {}))["data"][0]["ts"])

    async def networks(self, asset: str) -> list[Network]:
        """``GET asset/currencies``"""
        told = await self._session.ask("privateGetAssetCurrencies", {"ccy": asset})
        return [_network(row) for row in told["data"] if row["ccy"] == asset]

    # --- out of it ----------------------------------------------------------------------------------------------------

    async def withdraw(self, client_order_id: str, what: PreparedTransfer, gate: Gate) -> str:
        """``POST asset/withdrawal``, once the funding account has enough. Raises NotLeft while that is not so yet."""
        try:
            lacks = await self._lacks(what)
            if lacks > 0:
                await self._check_moved(client_order_id)
                lacks = await self._lacks(what)
        except Broken as error:
            raise NotLeft(f"nothing was withdrawn: what lies in the funding account is not known: {error}") from error
        if lacks > 0:
            await self._fill_up(client_order_id, what.asset, lacks, gate)
        given = {
            "ccy": what.asset,
            "amt": f"{what.amount:f}",
            "dest": _ON_CHAIN,
            "toAddr": what.address,
            "chain": what.network,
            "clientId": client_order_id,
        }
        return str((await self._session.act("privatePostAssetWithdrawal", given, gate))["data"][0]["wdId"])

    async def _lacks(self, what: PreparedTransfer) -> Decimal:
        """How much more must lie in the funding account, fee and all."""
        told = (await self._session.ask("privateGetAssetBalances", {"ccy": what.asset}))["data"]
        there = sum((Decimal(row["availBal"]) for row in told if row["ccy"] == what.asset), money.ZERO)
        return what.amount + (what.fee or money.ZERO) - there

    async def _check_moved(self, client_order_id: str) -> None:
        """Raises NotLeft while what was moved for this withdrawal before is on its way. One whose answer was lost can't
        act any more: until then nothing is asked for again.
        """
        try:
            told = await self._session.ask("privateGetAssetTransferState", {"clientId": client_order_id})
        except Said as said:
            if self.verdicts.row(said).codes:
                raise
            return  # there is none: nothing says with which number OKX tells that
        _check_done(told["data"])

    async def _fill_up(self, client_order_id: str, asset: str, amount: Decimal, gate: Gate) -> None:
        """``POST asset/transfer``, once. It moves no position, whatever comes of it; nothing is withdrawn before it is
        done. Raises NotLeft where it isn't yet.
        """
        given = {"type": "0", "ccy": asset, "amt": f"{money.tidy(amount):f}", "from": TRADING, "to": FUNDING}
        told = await self._session.act("privatePostAssetTransfer", {**given, "clientId": client_order_id}, gate)
        asked = {"transId": told["data"][0]["transId"]}
        _check_done((await self._session.ask("privateGetAssetTransferState", asked))["data"])

    async def withdrawals(
        self, client_order_id: str, what: PreparedTransfer, since: datetime, until: datetime, known_id: str | None
    ) -> list[Moved]:
        """``GET asset/withdrawal-history``"""
        told = (await self._session.ask("privateGetAssetWithdrawalHistory", {"clientId": client_order_id}))["data"]
        return [_withdrawn(row, what) for row in told if row["clientId"] == client_order_id]

    # --- into it ------------------------------------------------------------------------------------------------------

    async def address(self, asset: str, network: Network) -> str | None:
        """``GET asset/deposit-address``: of several the one that the website shows. Some countries' accounts have those
        of the trading account alone, whose ledger would tell of a deposit besides: they are not understood.
        """
        told = (await self._session.ask("privateGetAssetDepositAddress", {"ccy": asset}))["data"]
        rows = [row for row in told if row["chain"] == network.id and row["to"] == FUNDING]
        (row,) = [row for row in rows if row["selected"]] if len(rows) > 1 else rows
        needs_more = any(row.get(name) for name in ("tag", "memo", "pmtId", "addrEx"))
        return None if needs_more else str(row["addr"])

    async def deposited(self, reference: str) -> Deposited | None:
        """``GET asset/deposit-history``"""
        told = (await self._session.ask("privateGetAssetDepositHistory", {"txId": reference}))["data"]
        row = deposit_row(told, "txId", reference)
        if row is None or str(row["state"]) not in _ARRIVED:
            return None
        return Deposited(id=str(row["depId"]), asset=row["ccy"], amount=Decimal(row["amt"]), at=moment(row["ts"]))


def _check_done(states: Sequence[Mapping[str, Any]]) -> None:
    """Raises NotLeft. One that failed has moved nothing."""
    if any(one["state"] not in (_DONE, _FAILED) for one in states):
        raise NotLeft("nothing was withdrawn: what it needs is on its way to the funding account")


async def funding_of(session: Session) -> dict[str, Decimal]:
    """What lies in the funding account, by coin: ``GET asset/balances``. Demo trading may have none (50038)."""
    try:
        told = (await session.ask("privateGetAssetBalances", {}))["data"]
    except Said as said:
        if said.code == NOT_IN_DEMO:
            return {}
        raise
    return {row["ccy"]: Decimal(row["bal"]) for row in told}


def _network(row: Mapping[str, Any]) -> Network:
    """``chain``: ``USDT-ERC20``."""
    chain = row["chain"].partition("-")[2]
    return Network(
        name=CHAINS.get(chain, chain),
        id=row["chain"],
        usual=row["mainNet"],
        sends=row["canWd"],
        takes=row["canDep"],
        tagged=row["needTag"],
        fee=Decimal(row["fee"] or "0"),
        step=Decimal(1).scaleb(-int(row["wdTickSz"])),
        least_withdrawal=Decimal(row["minWd"] or "0"),
        most_withdrawal=Decimal(row["maxWd"]),
        least_deposit=Decimal(row["minDep"] or "0"),
        fee_share=Decimal(row["burningFeeRate"] or "0"),
    )


def _withdrawn(row: Mapping[str, Any], what: PreparedTransfer) -> Moved:
    """Raises ValueError for one that is not what was asked for, and for a state that is not documented."""
    of, status = str(row["wdId"]), _status(str(row["state"]))
    if row["ccy"] != what.asset or row["to"].lower() != (what.address or "").lower() or row["chain"] != what.network:
        raise ValueError(f"the withdrawal {of} is on {row['chain']} to {row['to']}, which nobody asked for")
    fee = Decimal(row["fee"] or "0")
    if fee and row["feeCcy"] != what.asset:
        raise ValueError(f"the fee of the withdrawal {of} is {fee} {row['feeCcy']}, which is not understood")
    if status == "filled" and not row["txId"]:
        raise ValueError(f"the withdrawal {of} is successful, and names no transaction")
    return Moved(
        id=of,
        status=status,
        at=moment(row["ts"]),
        sent=Decimal(row["amt"]),
        fee=fee,
        tx_hash=row["txId"] or None,
        message=row.get("note") or None,
        raw=text_of(row),
    )


def _status(state: str) -> Literal["open", "filled", "reverted"]:
    if state in _UNDER_WAY:
        return "open"
    if state in _GIVEN_BACK:
        return "reverted"
    if state == _SUCCESS:
        return "filled"
    raise ValueError(f"a withdrawal's state {state} is not documented")
