"""Bybit, live: spot and linear perpetuals of the unified account, one-way positions.

To read beside https://bybit-exchange.github.io/docs/v5/intro. What its refusals mean is in ``bybit_verdicts.py``, its
ledger in ``bybit_log.py``, its trades in ``bybit_trades.py``, withdrawals and deposits in ``bybit_transfers.py``.
Placing and cancelling answer ids alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec.structs import replace

from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.adapter import Gate
from tightloop.venues.bybit import SPEC
from tightloop.venues.credentials import Credentials
from tightloop.venues.live import bybit_streams as streams
from tightloop.venues.live.budget import OF_THE_PROCESS, Budgets
from tightloop.venues.live.bybit_limits import LIMITS, BybitLimits
from tightloop.venues.live.bybit_log import entries_after
from tightloop.venues.live.bybit_rights import check_rights
from tightloop.venues.live.bybit_trades import trades_of
from tightloop.venues.live.bybit_transfers import BybitTransfers
from tightloop.venues.live.bybit_verdicts import NO_SUCH_ORDER, VERDICTS
from tightloop.venues.live.dialect import Accepted, Shown, fell_short
from tightloop.venues.live.listing import rules_of
from tightloop.venues.live.log_windows import cursor_at
from tightloop.venues.live.session import ACT_TIMEOUT_S, Said, Session, text_of, together
from tightloop.venues.live.stream import Connections
from tightloop.venues.sim.settings import SymbolRules
from tightloop.venues.times import moment

# https://bybit-exchange.github.io/docs/v5/guide, "Authentication"
PRODUCTION, TESTNET = "https://api.bybit.com", "https://api-testnet.bybit.com"
# https://bybit-exchange.github.io/docs/v5/enum, "unifiedMarginStatus": 1 is a classic account
UNIFIED = ("3", "4", "5", "6")
PAGE = 200

_CATEGORY = {"spot": "spot", "perp": "linear"}
_STATUS: dict[str, Literal["open", "filled", "cancelled", "rejected"]] = {
    "Created": "open",
    "New": "open",
    "PartiallyFilled": "open",
    "Untriggered": "open",
    "Triggered": "open",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
    "Deactivated": "cancelled",
    "Rejected": "rejected",
}
_WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"
_PROBE = "BTCUSDT"  # a contract whose position mode stands for the account's
_CLOCK = "10002"
_TIMES = re.compile(r"req_timestamp\[(\d+)\],\s*server_timestamp\[(\d+)\]")


class Bybit(Connections):
    """The dialect (``dialect.Dialect``)."""

    verdicts = VERDICTS
    clocks: tuple[str, ...] = ("spot",)  # one for both markets

    def __init__(
        self,
        lane: LaneSpec,
        credentials: Credentials,
        *,
        reading: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        act_timeout_s: float = ACT_TIMEOUT_S,
        budgets: Budgets = OF_THE_PROCESS,
    ) -> None:
        self._venue, self._withdraws = lane.home, bool(lane.withdraws_to)
        middle = "READONLY_" if reading else ""
        key = credentials.reveal(f"CEX__BYBIT_{middle}API_KEY")
        at = (lane.endpoint or (PRODUCTION if credentials.environment == "prod" else TESTNET)).rstrip("/")
        self._session = Session(
            "bybit",
            {
                "apiKey": key,
                "secret": credentials.reveal(f"CEX__BYBIT_{middle}SECRET"),
                "urls": {"api": {"public": at, "private": at}},
                "options": {
                    "recvWindow": int(lane.acceptance_window_s * 1000),
                    "fetchMarkets": {"types": ["spot", "linear"]},
                },
                "has": {"fetchCurrencies": False},
            },
            _refusal,
            clock=clock,
            act_timeout_s=act_timeout_s,
            budgets=budgets,
            tariff=BybitLimits(budgets, key),
            limits=LIMITS,
        )
        feed = streams.OrderFeed(self._session, streams.address(lane.endpoint, credentials.environment))
        super().__init__({"unified": self._session}, (feed,))
        self.transfers = BybitTransfers(self._venue, self._session, withdraws=self._withdraws)

    # --- before the first call ----------------------------------------------------------------------------------------

    async def time(self, market: str) -> datetime:
        """``GET /v5/market/time``: one clock for both markets."""
        told = await self._session.ask("publicGetV5MarketTime", {})
        return moment(told["time"])

    async def check(self, *, trades: bool) -> None:
        """The account's kind, what the key may do, and the position mode."""
        account = (await self._session.ask("privateGetV5AccountInfo", {}))["result"]
        if str(account["unifiedMarginStatus"]) not in UNIFIED:
            raise ExecutionError(
                "EIF-010",
                f"{self._venue}: the account is a classic one, and unified accounts alone are traded here",
                remedy="Upgrade it to a unified trading account at Bybit.",
            )
        if account["marginMode"] != "REGULAR_MARGIN":
            raise ExecutionError(
                "EIF-010",
                f"{self._venue}: the account's margin mode is {account['marginMode']}, and cross margin is traded here",
                remedy="Set cross margin (REGULAR_MARGIN) in the account's settings.",
            )
        key = (await self._session.ask("privateGetV5UserQueryApi", {}))["result"]
        check_rights(self._venue, key, trades=trades, withdraws=self._withdraws)
        # of one contract, too, as those without a position are told by their names alone
        told = (await self._session.ask("privateGetV5PositionList", {"category": "linear", "symbol": _PROBE}))["result"]
        for one in [*told["list"], *await self._positions()]:
            if str(one["positionIdx"]) != "0":
                raise ExecutionError(
                    "EIF-010",
                    f"{self._venue}: {one['symbol']} is in hedge mode, and one-way positions are what is kept here",
                    remedy="Close its positions, and set one-way mode in Bybit's settings of derivatives.",
                )

    async def rules(self, market: str, symbol: str) -> SymbolRules | None:
        found = (await self._session.markets()).get(symbol)
        if found is None:
            return None
        rules = rules_of(found, "spot" if market == "spot" else "perp")
        if rules is None:
            return None
        sizes: Mapping[str, Any] = found["info"]["lotSizeFilter"]
        least = sizes.get("minNotionalValue") or sizes.get("minOrderAmt") or "0"
        most = sizes.get("maxMktOrderQty") or sizes.get("maxMarketOrderQty")
        return replace(
            rules,
            min_notional=Decimal(least),
            max_market_amount=None if most is None else Decimal(most),
        )

    async def price(self, market: str, symbol: str) -> Decimal:
        told = await self._session.ask("publicGetV5MarketTickers", await self._named(market, symbol))
        return Decimal(told["result"]["list"][0]["lastPrice"])

    async def _named(self, market: str, symbol: str) -> dict[str, Any]:
        """Raises ValueError for a market that is not listed: an order of it was never prepared here."""
        found = (await self._session.markets()).get(symbol)
        if found is None:
            raise ValueError(f"{self._venue} lists no {symbol}")
        return {"category": _CATEGORY[market], "symbol": found["id"]}

    # --- orders -------------------------------------------------------------------------------------------------------

    async def place(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Accepted:
        """https://bybit-exchange.github.io/docs/v5/order/create-order"""
        given: dict[str, Any] = {
            **await self._named(order.market, order.symbol),
            "side": order.side.capitalize(),
            "orderType": order.order_type.capitalize(),
            "orderLinkId": client_order_id,
        }
        if order.amount is not None:
            given["qty"] = f"{order.amount:f}"
        else:
            given["qty"] = f"{order.quote_amount:f}"
        if order.order_type == "limit":
            given["price"] = f"{order.price:f}"
            given["timeInForce"] = {"PO": "PostOnly"}.get(order.time_in_force, order.time_in_force)
        elif order.market == "spot":
            given["marketUnit"] = "baseCoin" if order.amount is not None else "quoteCoin"
        if order.market == "spot":
            given["isLeverage"] = 0  # nothing is borrowed
        else:
            given |= {"positionIdx": 0, "reduceOnly": order.reduce_only}
        return _accepted(await self._session.act("privatePostV5OrderCreate", given, gate))

    async def look_up(self, client_order_id: str, order: PreparedOrder) -> Shown:
        """Open ones, then those that ended lately, then the history: an order goes on in that direction alone."""
        given = {**await self._named(order.market, order.symbol), "orderLinkId": client_order_id}
        for endpoint, more in (
            ("privateGetV5OrderRealtime", {"openOnly": 0}),
            ("privateGetV5OrderRealtime", {"openOnly": 1}),
            ("privateGetV5OrderHistory", {}),
        ):
            told = await self._session.ask(endpoint, {**given, **more})
            for one in told["result"]["list"]:
                return self._shown(one, order)
        raise Said(200, NO_SUCH_ORDER, "not among open, ended and former orders", text_of(told), None)

    async def cancel(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Accepted:
        """https://bybit-exchange.github.io/docs/v5/order/cancel-order"""
        given = {**await self._named(order.market, order.symbol), "orderLinkId": client_order_id}
        return _accepted(await self._session.act("privatePostV5OrderCancel", given, gate))

    def _shown(self, told: Mapping[str, Any], order: PreparedOrder) -> Shown:
        """https://bybit-exchange.github.io/docs/v5/order/open-order"""
        filled, status = Decimal(told["cumExecQty"]), _STATUS[told["orderStatus"]]
        in_quote = order.market == "spot" and told.get("marketUnit") == "quoteCoin"
        code, message = _short(told, order, status)
        return Shown(
            venue_order_id=str(told["orderId"]),
            client_order_id=told["orderLinkId"],
            status=status,
            filled=filled,
            remaining=Decimal(0) if in_quote else Decimal(told["qty"]) - filled,
            at=moment(told["updatedTime"]),
            code=code,
            message=message,
            raw=text_of(told),
        )

    async def trades(self, shown: Shown, order: PreparedOrder) -> tuple[LedgerEntry, ...]:
        """Raises ValueError for one with more trades than are read, or whose profit is not shown yet."""
        named = await self._named(order.market, order.symbol)
        return await trades_of(self._session, self._venue, named, shown, order)

    # --- the account --------------------------------------------------------------------------------------------------

    def cursor_at(self, now: datetime) -> str:
        return cursor_at(now)

    async def holdings(self) -> dict[str, Decimal]:
        wallet, positions = await together(
            self._session.ask("privateGetV5AccountWalletBalance", {"accountType": "UNIFIED"}), self._positions()
        )
        held: dict[str, Decimal] = {}
        for one in (coin for account in wallet["result"]["list"] for coin in account["coin"]):
            kind = SPEC.balance_type("spot", one["coin"])
            held[f"{self._venue}:{kind}:{one['coin']}"] = Decimal(one["walletBalance"])
        listed = {one["id"]: one["symbol"] for one in (await self._session.markets()).values() if one["swap"]}
        for one in positions:
            size = Decimal(one["size"] or "0")
            if size and str(one["positionIdx"]) != "0":
                raise ValueError(f"{one['symbol']} has a position of one side: it is in hedge mode")
            key = f"{self._venue}:Perp:{listed.get(one['symbol'], one['symbol'])}"
            held[key] = -size if one["side"] == "Sell" else size
        return held

    async def _positions(self) -> list[Mapping[str, Any]]:
        """Of all linear contracts: https://bybit-exchange.github.io/docs/v5/position"""
        found: list[Mapping[str, Any]] = []
        for coin in SPEC.unified:
            given: dict[str, Any] = {"category": "linear", "settleCoin": coin, "limit": PAGE}
            while True:
                told = (await self._session.ask("privateGetV5PositionList", given))["result"]
                found += told["list"]
                if not told["nextPageCursor"] or len(told["list"]) < PAGE:
                    break
                given["cursor"] = told["nextPageCursor"]
        return found

    async def accrued(self, cursor: str | None, now: datetime) -> tuple[Sequence[LedgerEntry], str, bool]:
        return await entries_after(self._session, self._venue, cursor, now, withdraws=self._withdraws)


def _refusal(answer: Any) -> tuple[str, str] | None:
    """``{"retCode": 10001, "retMsg": "…"}``; 0 is success."""
    if not isinstance(answer, dict) or str(answer.get("retCode", "0")) == "0":
        return None
    code, message = str(answer["retCode"]), str(answer.get("retMsg", ""))
    times = _TIMES.search(message) if code == _CLOCK else None
    if times is not None and int(times[1]) > int(times[2]):
        message += " (ahead of the exchange's)"
    return code, message


def _accepted(told: Mapping[str, Any]) -> Accepted:
    result = told["result"]
    return Accepted(str(result["orderId"]), result["orderLinkId"], moment(told["time"]), text_of(told))


def _short(told: Mapping[str, Any], order: PreparedOrder, status: str) -> tuple[str | None, str | None]:
    """Code and message of an order that did not fill as it was meant to, and that nobody cancelled."""
    why = str(told.get("rejectReason") or "")
    if status == "rejected" or why == _WOULD_TAKE:
        return "EXI-007" if why == _WOULD_TAKE else "EXI-001", f"Bybit rejected the order: {why}"
    return fell_short(order, status, told["cumExecQty"], told["qty"])
