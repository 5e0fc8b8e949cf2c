"""Binance, live: spot (``/api/v3``) and USD-M perpetuals (``/fapi``), one-way positions.

To read beside https://developers.binance.com/docs/binance-spot-api-docs/rest-api and
https://developers.binance.com/docs/derivatives/usds-margined-futures. What its refusals mean is in
``binance_verdicts.py``, its ledger in ``binance_income.py``, its trades in ``binance_trades.py``, its transfers in
``binance_transfers.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import LedgerEntry
from tightloop.records.types import PreparedOrder
from tightloop.venues.adapter import Gate
from tightloop.venues.credentials import Credentials
from tightloop.venues.live import binance_streams as streams
from tightloop.venues.live.binance_income import cursor_at, entries_after
from tightloop.venues.live.binance_limits import BinanceLimits
from tightloop.venues.live.binance_rights import check_rights
from tightloop.venues.live.binance_trades import perp_trade, spot_trade
from tightloop.venues.live.binance_transfers import BinanceTransfers
from tightloop.venues.live.binance_verdicts import VERDICTS
from tightloop.venues.live.budget import OF_THE_PROCESS, Budgets
from tightloop.venues.live.dialect import Shown
from tightloop.venues.live.listing import rules_of
from tightloop.venues.live.session import ACT_TIMEOUT_S, Said, Session, text_of, together
from tightloop.venues.live.stream import Connections
from tightloop.venues.sim.settings import SymbolRules
from tightloop.venues.times import moment

# https://developers.binance.com/docs/binance-spot-api-docs/demo-mode/general-info, and the pages above
PRODUCTION = {"spot": "https://api.binance.com", "futures": "https://fapi.binance.com"}
DEMO = {"spot": "https://demo-api.binance.com", "futures": "https://demo-fapi.binance.com"}
PAGE = 1000

_STATUS: dict[str, Literal["open", "filled", "cancelled", "rejected"]] = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_CANCEL": "open",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "EXPIRED": "cancelled",
    "EXPIRED_IN_MATCH": "cancelled",
    "REJECTED": "rejected",
}
_ENDED_SHORT = ("EXPIRED", "EXPIRED_IN_MATCH")


def addresses(lane: LaneSpec, environment: str) -> dict[str, str]:
    """Of ``spot`` and ``futures``: the lane's own endpoint, which has both; else the environment's."""
    own = lane.endpoint.rstrip("/") if lane.endpoint is not None else None
    return {name: own or at for name, at in (PRODUCTION if environment == "prod" else DEMO).items()}


class Binance(Connections):
    """The dialect (``dialect.Dialect``)."""

    verdicts = VERDICTS
    clocks: tuple[str, ...] = ("spot", "perp")

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
        self._venue = lane.home
        self._withdraws = bool(lane.withdraws_to)
        middle = "READONLY_" if reading else ""
        at = addresses(lane, credentials.environment)
        sessions = {}
        for market, name, kind in (("spot", "SPOT", "binance"), ("perp", "FUTURES", "binanceusdm")):
            sessions[market] = Session(
                kind,
                {
                    "apiKey": credentials.reveal(f"CEX__BINANCE_{name}_{middle}API_KEY"),
                    "secret": credentials.reveal(f"CEX__BINANCE_{name}_{middle}SECRET"),
                    "urls": {"api": _urls(at)},
                    "options": {
                        "recvWindow": int(lane.acceptance_window_s * 1000),
                        "fetchMarkets": {"types": ["spot" if market == "spot" else "linear"]},
                        "fetchMargins": False,
                        "fetchCurrencies": False,
                    },
                    "has": {"fetchCurrencies": False},
                },
                _refusal,
                clock=clock,
                act_timeout_s=act_timeout_s,
                budgets=budgets,
                tariff=BinanceLimits(budgets, market, credentials.reveal(f"CEX__BINANCE_{name}_{middle}API_KEY")),
            )

        told_at = streams.addresses(lane.endpoint, credentials.environment)
        window_ms = int(lane.acceptance_window_s * 1000)
        spot, perp = sessions["spot"], sessions["perp"]
        super().__init__(
            sessions,
            (streams.SpotFeed(spot, told_at["spot"], window_ms), streams.FuturesFeed(perp, told_at["futures"])),
        )
        self.transfers = BinanceTransfers(lane.home, spot, perp)

    # --- before the first call ----------------------------------------------------------------------------------------

    async def time(self, market: str) -> datetime:
        told = await self._sessions[market].ask("publicGetTime" if market == "spot" else "fapiPublicGetTime", {})
        return moment(told["serverTime"])

    async def check(self, *, trades: bool) -> None:
        """What the keys may do, and the position mode."""
        for market in self._sessions:
            await self._check_key(market, trades=trades)
        await self._sessions["spot"].ask("privateGetAccount", {"omitZeroBalances": "true"})
        mode = await self._sessions["perp"].ask("fapiPrivateGetPositionSideDual", {})
        if str(mode["dualSidePosition"]).lower() != "false":
            raise ExecutionError(
                "EIF-010",
                f"{self._venue}: the futures account is in hedge mode, and one-way positions are what is kept here",
                remedy="Close its positions, and set one-way mode in Binance's preferences of futures.",
            )

    async def _check_key(self, market: str, *, trades: bool) -> None:
        """Testnets have no such endpoint: what their keys may do only shows when it is done."""
        try:
            told = await self._sessions[market].ask("sapiGetAccountApiRestrictions", {})
        except Said as said:
            if said.status == 404:
                return
            raise
        check_rights(self._venue, market, told, trades=trades, withdraws=self._withdraws)

    # --- markets ------------------------------------------------------------------------------------------------------

    async def rules(self, market: str, symbol: str) -> SymbolRules | None:
        found = (await self._sessions[market].markets()).get(symbol)
        return None if found is None else rules_of(found, "spot" if market == "spot" else "perp")

    async def price(self, market: str, symbol: str) -> Decimal:
        endpoint = "publicGetTickerPrice" if market == "spot" else "fapiPublicGetTickerPrice"
        told = await self._sessions[market].ask(endpoint, {"symbol": await self._id(market, symbol)})
        return Decimal(told["price"])

    async def _id(self, market: str, symbol: str) -> str:
        found: str = (await self._sessions[market].markets())[symbol]["id"]
        return found

    # --- orders -------------------------------------------------------------------------------------------------------

    async def place(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Shown:
        """https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints#new-order-trade"""
        spot = order.market == "spot"
        given: dict[str, Any] = {
            "symbol": await self._id(order.market, order.symbol),
            "side": order.side.upper(),
            "type": order.order_type.upper(),
            "newClientOrderId": client_order_id,
            "newOrderRespType": "FULL" if spot else "RESULT",
        }
        if order.amount is not None:
            given["quantity"] = f"{order.amount:f}"
        else:
            given["quoteOrderQty"] = f"{order.quote_amount:f}"
        if order.order_type == "limit":
            given["price"] = f"{order.price:f}"
            if order.time_in_force == "PO" and spot:
                given["type"] = "LIMIT_MAKER"
            else:
                given["timeInForce"] = {"PO": "GTX"}.get(order.time_in_force, order.time_in_force)
        if order.reduce_only and not spot:
            given["reduceOnly"] = "true"
        endpoint = "privatePostOrder" if spot else "fapiPrivatePostOrder"
        told = await self._sessions[order.market].act(endpoint, given, gate)
        fills = told.get("fills")
        shown = self._shown(told, order)
        if fills is None or shown.status == "open":
            return shown
        at = {"time": told["transactTime"]}
        entries = [spot_trade(self._venue, {**fill, **at, "id": fill["tradeId"]}, order) for fill in fills]
        if money.total(entry.cost or money.ZERO for entry in entries) != Decimal(told["cummulativeQuoteQty"]):
            return shown  # Binance cut an amount times price to the quote's places: the trades tell what it booked
        return replace(shown, entries=tuple(entries))

    async def look_up(self, client_order_id: str, order: PreparedOrder) -> Shown:
        given = {"symbol": await self._id(order.market, order.symbol), "origClientOrderId": client_order_id}
        endpoint = "privateGetOrder" if order.market == "spot" else "fapiPrivateGetOrder"
        return self._shown(await self._sessions[order.market].ask(endpoint, given), order)

    async def cancel(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Shown:
        given = {"symbol": await self._id(order.market, order.symbol), "origClientOrderId": client_order_id}
        endpoint = "privateDeleteOrder" if order.market == "spot" else "fapiPrivateDeleteOrder"
        told = await self._sessions[order.market].act(endpoint, given, gate)
        return self._shown({**told, "clientOrderId": told.get("origClientOrderId", told["clientOrderId"])}, order)

    def _shown(self, told: Mapping[str, Any], order: PreparedOrder) -> Shown:
        filled, status = Decimal(told["executedQty"]), str(told["status"])
        short = None
        if status in _ENDED_SHORT and not order.reduce_only:
            short = f"{filled} of {told['origQty']} was filled"
        elif status == "REJECTED":
            short = "Binance rejected the order"
        return Shown(
            venue_order_id=str(told["orderId"]),
            client_order_id=told["clientOrderId"],
            status=_STATUS[status],
            filled=filled,
            remaining=Decimal(told["origQty"]) - filled,
            at=moment(told.get("transactTime") or told["updateTime"]),
            code=None if short is None else "EXI-001" if status == "REJECTED" else "EXI-011",
            message=short,
            raw=text_of(told),
        )

    # --- trades -------------------------------------------------------------------------------------------------------

    async def trades(self, shown: Shown, order: PreparedOrder) -> tuple[LedgerEntry, ...]:
        """Of one order. Raises ValueError for one with more of them than Binance answers at once."""
        spot = order.market == "spot"
        endpoint, read = ("privateGetMyTrades", spot_trade) if spot else ("fapiPrivateGetUserTrades", perp_trade)
        given = {"symbol": await self._id(order.market, order.symbol), "orderId": shown.venue_order_id, "limit": PAGE}
        told = await self._sessions[order.market].ask(endpoint, given)
        if len(told) >= PAGE:
            raise ValueError(
                f"order {shown.venue_order_id} has {PAGE} trades or more, which can't be asked for at once"
            )
        mine = [one for one in told if str(one["orderId"]) == shown.venue_order_id]
        return tuple(read(self._venue, one, order) for one in sorted(mine, key=lambda one: int(one["id"])))

    # --- the account --------------------------------------------------------------------------------------------------

    def cursor_at(self, now: datetime) -> str:
        return cursor_at(now)

    async def holdings(self) -> dict[str, Decimal]:
        spot, futures = await together(
            self._sessions["spot"].ask("privateGetAccount", {"omitZeroBalances": "true"}),
            self._sessions["perp"].ask("fapiPrivateV3GetAccount", {}),
        )
        held: dict[str, Decimal] = {}
        for one in spot["balances"]:
            held[f"{self._venue}:BaseToken:{one['asset']}"] = Decimal(one["free"]) + Decimal(one["locked"])
        for one in futures["assets"]:
            held[f"{self._venue}:MarginBalance:{one['asset']}"] = Decimal(one["walletBalance"])
        listed = {one["id"]: one["symbol"] for one in (await self._sessions["perp"].markets()).values()}
        for one in futures["positions"]:
            if one["positionSide"] != "BOTH" and Decimal(one["positionAmt"]):
                raise ValueError(f"{one['symbol']} has a {one['positionSide']} position: the account is in hedge mode")
            symbol = listed.get(one["symbol"], one["symbol"])
            held[f"{self._venue}:Perp:{symbol}"] = Decimal(one["positionAmt"])
        return held

    async def accrued(self, cursor: str | None, now: datetime) -> tuple[Sequence[LedgerEntry], str, bool]:
        return await entries_after(self._sessions["perp"], self._venue, cursor, now)


def _refusal(answer: Any) -> tuple[str, str] | None:
    """``{"code": -1021, "msg": "…"}``. A code of 200 or 0 says that something was done."""
    if not isinstance(answer, dict) or "msg" not in answer or str(answer.get("code", "0")) in ("0", "200"):
        return None
    return str(answer["code"]), str(answer["msg"])


def _urls(at: Mapping[str, str]) -> dict[str, str]:
    """By ccxt's names of Binance's parts."""
    found = {"public": f"{at['spot']}/api/v3", "private": f"{at['spot']}/api/v3", "sapi": f"{at['spot']}/sapi/v1"}
    for side in ("Public", "Private"):
        found |= {
            f"fapi{side}{version}": f"{at['futures']}/fapi/{version.lower() or 'v1'}" for version in ("", "V2", "V3")
        }
    return found
