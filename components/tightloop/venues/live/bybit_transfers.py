"""Transfers on Bybit, live: withdrawals out of the unified account, and deposits into it.

To read beside https://bybit-exchange.github.io/docs/v5/asset/withdraw and the pages beside it. What its refusals mean
is in ``bybit_wallet_verdicts.py``. A withdrawal is asked for with our id (``requestId``), and no history shows it. What
the unified account itself gave and got, its log tells (``bybit_pairs.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from msgspec.structs import replace

from tightloop.records.types import PreparedTransfer
from tightloop.venues.adapter import Gate
from tightloop.venues.bybit import SPEC
from tightloop.venues.live.bybit_log import rows_between
from tightloop.venues.live.bybit_pairs import FAILED, LATER, Line, Passed, deposit_of, paired, passed_between, rows_of
from tightloop.venues.live.bybit_wallet_verdicts import VERDICTS
from tightloop.venues.live.session import Session, text_of
from tightloop.venues.live.wallets import Between, Deposited, Moved, Network, deposit_row
from tightloop.venues.times import milliseconds, moment

LONGEST = timedelta(days=30)  # that a history may be asked about at once
# The chains that lanes are named after, by Bybit's names (``chain`` of asset/coin/query-info)
CHAINS = {
    "ETH": "ethereum",
    "ARBI": "arbitrum",
    "OP": "optimism",
    "BASE": "base",
    "MATIC": "polygon",
    "BSC": "bsc",
    "CAVAX": "avalanche",
}
# It does not tell on which an address needs a tag besides: on these none does, and any other may
UNTAGGED = frozenset({*CHAINS, "BTC", "LTC", "DOGE", "SOL", "TRX"})
_STATUS: dict[str, Literal["open", "filled", "reverted"]] = {
    "SecurityCheck": "open",
    "Pending": "open",
    "MoreInformationRequired": "open",
    "BlockchainConfirmed": "filled",
    "success": "filled",
    **dict.fromkeys(FAILED, "reverted"),
}


class BybitTransfers:
    """What differs (``wallets.Transfers``). ``venue``: as position keys have it; ``withdraws``: does the lane?"""

    verdicts = VERDICTS
    between: Between | None = None
    fee_on_top = True  # ``feeType`` 0
    named = False
    taken_for_s: float | None = None

    def __init__(self, venue: str, session: Session, *, withdraws: bool) -> None:
        self._venue = venue
        self._session = session
        self._withdraws = withdraws

    def key(self, wallet: str, asset: str) -> str:
        return f"{self._venue}:{SPEC.balance_type(wallet, asset)}:{asset}"

    async def time(self) -> datetime:
        return moment((await self._session.ask("publicGetV5MarketTime", {}))["time"])

    async def networks(self, asset: str) -> list[Network]:
        """https://bybit-exchange.github.io/docs/v5/asset/coin-info"""
        told = (await self._session.ask("privateGetV5AssetCoinQueryInfo", {"coin": asset}))["result"]
        return [_network(row, coin) for coin in told["rows"] if coin["coin"] == asset for row in coin["chains"]]

    # --- out of it ----------------------------------------------------------------------------------------------------

    async def withdraw(self, client_order_id: str, what: PreparedTransfer, gate: Gate) -> str:
        """https://bybit-exchange.github.io/docs/v5/asset/withdraw"""
        given = {
            "coin": what.asset,
            "chain": what.network,
            "address": what.address,
            "amount": f"{what.amount:f}",
            "timestamp": milliseconds,
            "forceChain": 1,
            "accountType": "UTA",
            "feeType": 0,
            "requestId": client_order_id,
        }
        return str((await self._session.act("privatePostV5AssetWithdrawCreate", given, gate))["result"]["id"])

    async def withdrawals(
        self, client_order_id: str, what: PreparedTransfer, since: datetime, until: datetime, known_id: str | None
    ) -> Sequence[Moved]:
        """https://bybit-exchange.github.io/docs/v5/asset/withdraw/withdraw-record"""
        endpoint, asked = "privateGetV5AssetWithdrawQueryRecord", {"coin": what.asset, "withdrawType": 2}
        if known_id is not None:
            told = await self._session.ask(endpoint, {"withdrawID": known_id, "withdrawType": 2})
            rows = [row for row in told["result"]["rows"] if str(row["withdrawId"]) == known_id]
        elif until - since > LONGEST:
            raise ValueError(
                f"it was tried for more than {LONGEST.days} days, which Bybit can't be asked about at once"
            )
        else:
            address = (what.address or "").lower()
            told = await rows_of(self._session, endpoint, since, until, asked)
            rows = [row for row in told if row["coin"] == what.asset and row["toAddress"].lower() == address]
        return [await self._settled(_withdrawn(row, what), row) for row in rows]

    async def _settled(self, found: Moved, row: Mapping[str, Any]) -> Moved:
        """One that failed is over once the unified account has its money again."""
        if found.status != "reverted":
            return found
        over_at = moment(row["updateTime"])
        line = await self._line("back", found.id, over_at)
        if line is not None:
            return replace(found, over_at=moment(line["transactionTime"]))
        if await self.time() > over_at + LATER:
            raise ValueError(
                f"the withdrawal {found.id} failed ({row['status']}), and the unified account has not got its money "
                "again: it lies in the funding account"
            )
        return replace(found, status="open")

    # --- into it ------------------------------------------------------------------------------------------------------

    async def address(self, asset: str, network: Network) -> str | None:
        """https://bybit-exchange.github.io/docs/v5/asset/deposit/master-deposit-addr"""
        asked = {"coin": asset, "chainType": network.id}
        told = (await self._session.ask("privateGetV5AssetDepositQueryAddress", asked))["result"]
        (row,) = [one for one in told["chains"] if one["chain"] == network.id]
        return None if row["tagDeposit"] else str(row["addressDeposit"])

    async def deposited(self, reference: str) -> Deposited | None:
        """https://bybit-exchange.github.io/docs/v5/asset/deposit/deposit-record: of the last thirty days."""
        told = (await self._session.ask("privateGetV5AssetDepositQueryRecord", {"txID": reference}))["result"]
        row = deposit_row(told["rows"], "txID", reference)
        deposit = None if row is None else deposit_of(row)
        if deposit is None:
            return None
        line = await self._line("deposit", deposit.id, deposit.at)
        if line is not None:
            at = moment(line["transactionTime"])
            return Deposited(id=line["id"], asset=deposit.coin, amount=deposit.change, at=at)
        if await self.time() > deposit.at + LATER:
            raise ValueError(
                f"the deposit of {reference} was credited, and the unified account did not get it: it lies in the "
                "funding account, where Bybit puts deposits unless the deposit account is set to UNIFIED"
            )
        return None

    async def _line(self, kind: str, of: str, at: datetime) -> Line | None:
        """That of the log which belongs to it."""
        start, end = at - LATER, at + LATER
        lines = await rows_between(self._session, start, end, {})
        if lines is None:
            raise ValueError(f"the log has too many lines about {at} to be read")
        passed: list[Passed] = await passed_between(self._session, start, end, withdraws=self._withdraws)
        pairs = paired(lines, passed)
        return next((one for one in lines if one["id"] in pairs and pairs[one["id"]][1:3] == (kind, of)), None)


def _network(row: Mapping[str, Any], coin: Mapping[str, Any]) -> Network:
    """``withdrawFee``: where it is empty, the coin is not withdrawn there."""
    return Network(
        name=CHAINS.get(row["chain"], row["chain"]),
        id=row["chain"],
        usual=False,
        sends=str(row["chainWithdraw"]) == "1" and row["withdrawFee"] != "",
        takes=str(row["chainDeposit"]) == "1",
        tagged=row["chain"] not in UNTAGGED,
        fee=Decimal(row["withdrawFee"] or "0"),
        step=Decimal(1).scaleb(-int(row["minAccuracy"])),
        least_withdrawal=Decimal(row["withdrawMin"] or "0"),
        most_withdrawal=Decimal(coin["remainAmount"]),
        least_deposit=Decimal(row["depositMin"] or "0"),
        fee_share=Decimal(row.get("withdrawPercentageFee") or "0"),
    )


def _withdrawn(row: Mapping[str, Any], what: PreparedTransfer) -> Moved:
    """Raises ValueError for one that is not what was asked for, and for a state that is not documented."""
    of, status = str(row["withdrawId"]), _STATUS.get(row["status"])
    if row["coin"] != what.asset or row["toAddress"].lower() != (what.address or "").lower():
        raise ValueError(f"the withdrawal {of} is of {row['coin']} to {row['toAddress']}, which nobody asked for")
    if row["chain"] != what.network:
        raise ValueError(f"the withdrawal {of} is on {row['chain']}, and not on {what.network}")
    if Decimal(row.get("tax") or "0"):
        raise ValueError(f"of the withdrawal {of} a tax of {row['tax']} was taken, which is not understood")
    if status is None:
        raise ValueError(f"a withdrawal's status {row['status']} is not documented")
    if status == "filled" and not row["txID"]:
        raise ValueError(f"the withdrawal {of} is {row['status']}, and names no transaction")
    return Moved(
        id=of,
        status=status,
        at=moment(row["createTime"]),
        sent=Decimal(row["amount"]),
        fee=Decimal(row["withdrawFee"] or "0"),
        tx_hash=row["txID"] or None,
        message=f"Bybit says {row['status']}" if status == "reverted" else None,
        raw=text_of(row),
    )
