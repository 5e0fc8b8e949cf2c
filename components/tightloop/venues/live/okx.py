"""OKX, live: spot and linear perpetuals of the trading account, net positions, cross margin; the funding account
beside it, whose withdrawals and deposits are in ``okx_transfers.py``.

To read beside https://www.okx.com/docs-v5/en. What its refusals mean is in ``okx_verdicts.py``, its ledger in
``okx_bills.py``, its trades in ``okx_trades.py``. Placing and cancelling answer ids alone; perpetuals are counted in
contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
from tightloop.venues.live import okx_streams as streams
from tightloop.venues.live.budget import OF_THE_PROCESS, Budgets
from tightloop.venues.live.dialect import Accepted, Shown, fell_short
from tightloop.venues.live.listing import rules_of
from tightloop.venues.live.log_windows import cursor_at
from tightloop.venues.live.okx_bills import entries_after
from tightloop.venues.live.okx_limits import LIMITS, OkxLimits
from tightloop.venues.live.okx_rights import check_rights
from tightloop.venues.live.okx_trades import trades_of
from tightloop.venues.live.okx_transfers import OkxTransfers, funding_of
from tightloop.venues.live.okx_verdicts import VERDICTS
from tightloop.venues.live.session import ACT_TIMEOUT_S, Session, text_of, together
from tightloop.venues.live.stream import Connections
from tightloop.venues.okx import SPEC
from tightloop.venues.sim.settings import SymbolRules
from tightloop.venues.times import milliseconds, moment

ADDRESS = "https://www.okx.com"  # of production, and of demo trading, which a header asks for
FUTURES_MODE = "2"  # account/config, ``acctLv``

_STATUS: dict[str, Literal["open", "filled", "cancelled", "rejected"]] = {
    "live": "open",
    "partially_filled": "open",
    "filled": "filled",
    "canceled": "cancelled",
    "mmp_canceled": "cancelled",
}
_KINDS = {"GTC": "limit", "PO": "post_only", "IOC": "ioc", "FOK": "fok"}
# ``cancelSource``: the system; a post-only order that would have taken
_BY_SYSTEM, _WOULD_TAKE = "0", "31"


class Okx(Connections):
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
        self._window = timedelta(seconds=lane.acceptance_window_s)
        self._demo = credentials.environment != "prod"
        middle = "READONLY_" if reading else ""
        key = credentials.reveal(f"CEX__OKX_{middle}API_KEY")
        self._session = Session(
            "okx",
            {
                "apiKey": key,
                "secret": credentials.reveal(f"CEX__OKX_{middle}SECRET"),
                "password": credentials.reveal("CEX__OKX_PASSPHRASE"),
                "urls": {"api": {"rest": (lane.endpoint or ADDRESS).rstrip("/")}},
                "options": {"fetchMarkets": {"types": ["spot", "swap"]}},
                "has": {"fetchCurrencies": False},
            },
            _refusal,
            clock=clock,
            act_timeout_s=act_timeout_s,
            budgets=budgets,
            tariff=OkxLimits(budgets, key),
            limits=LIMITS,
            headers=self._headers,
        )
        feed = streams.OrderFeed(self._session, streams.address(lane.endpoint, credentials.environment))
        super().__init__({"trading": self._session}, (feed,))
        self.transfers = OkxTransfers(self._venue, self._session)

    def _headers(self, signed_at: datetime, acts: bool) -> dict[str, str]:
        """Outside of production it is demo trading, where a key of real money is refused (50101). What acts expires
        (``expTime``): OKX itself would take it for 30 s. Placing and amending heed that; a late cancel does no harm.
        """
        found = {"x-simulated-trading": "1"} if self._demo else {}
        if acts:
            found["expTime"] = str(milliseconds(signed_at + self._window))
        return found

    # --- before the first call ----------------------------------------------------------------------------------------

    async def time(self, market: str) -> datetime:
        """``GET public/time``: one clock for both markets."""
        told = await self._session.ask("publicGetPublicTime", {})
        return moment(told["data"][0]["ts"])

    async def check(self, *, trades: bool) -> None:
        """The account's mode, the position mode, and what the key may do: ``GET account/config``."""
        account = (await self._session.ask("privateGetAccountConfig", {}))["data"][0]
        if account["acctLv"] != FUTURES_MODE:
            raise ExecutionError(
                "EIF-010",
                f"{self._venue}: the account's mode is {account['acctLv']}, not futures mode ({FUTURES_MODE})",
                remedy="Set futures mode (one coin's margin) in OKX's settings of trading.",
            )
        if account["posMode"] != "net_mode":
            raise ExecutionError(
                "EIF-010",
                f"{self._venue}: the account is in hedge mode ({account['posMode']}), and net positions are kept here",
                remedy="Close its positions, and set net mode in OKX's settings of trading.",
            )
        check_rights(self._venue, account["perm"], trades=trades, withdraws=self._withdraws)

    async def rules(self, market: str, symbol: str) -> SymbolRules | None:
        found = (await self._session.markets()).get(symbol)
        if found is None:
            return None
        rules = rules_of(found, "spot" if market == "spot" else "perp")
        if rules is None:
            return None
        told: Mapping[str, Any] = found["info"]
        bounds = {"max_notional": told.get("maxLmtAmt"), "max_market_notional": told.get("maxMktAmt")}
        if market == "perp":
            contracts = {"max_amount": told.get("maxLmtSz"), "max_market_amount": told.get("maxMktSz")}
            rules = replace(rules, **{name: Decimal(most) * rules.contract for name, most in contracts.items() if most})
        return replace(rules, **{name: Decimal(most) for name, most in bounds.items() if most})

    async def price(self, market: str, symbol: str) -> Decimal:
        told = await self._session.ask("publicGetMarketTicker", {"instId": (await self._market(symbol))["id"]})
        return Decimal(told["data"][0]["last"])

    async def _market(self, symbol: str) -> Mapping[str, Any]:
        """Raises ValueError for one that is not listed: an order of it was never prepared here."""
        found: Mapping[str, Any] | None = (await self._session.markets()).get(symbol)
        if found is None:
            raise ValueError(f"{self._venue} lists no {symbol}")
        return found

    # --- orders -------------------------------------------------------------------------------------------------------

    async def place(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Accepted:
        """``POST trade/order``"""
        market, spot = await self._market(order.symbol), order.market == "spot"
        given: dict[str, Any] = {
            "instId": market["id"],
            "tdMode": "cash" if spot else "cross",
            "side": order.side,
            "ordType": _KINDS[order.time_in_force] if order.order_type == "limit" else "market",
            "clOrdId": client_order_id,
        }
        if order.amount is not None:
            given["sz"] = f"{money.tidy(order.amount / _size(market)):f}"
        else:
            given["sz"] = f"{order.quote_amount:f}"
        if order.order_type == "limit":
            given["px"] = f"{order.price:f}"
        elif spot:
            given["tgtCcy"] = "base_ccy" if order.amount is not None else "quote_ccy"
        if not spot and order.reduce_only:
            given["reduceOnly"] = "true"
        return _accepted(await self._session.act("privatePostTradeOrder", given, gate))

    async def look_up(self, client_order_id: str, order: PreparedOrder) -> Shown:
        """``GET trade/order``"""
        market = await self._market(order.symbol)
        told = await self._session.ask("privateGetTradeOrder", {"instId": market["id"], "clOrdId": client_order_id})
        return _shown(told["data"][0], order, _size(market))

    async def cancel(self, client_order_id: str, order: PreparedOrder, gate: Gate) -> Accepted:
        """``POST trade/cancel-order``"""
        given = {"instId": (await self._market(order.symbol))["id"], "clOrdId": client_order_id}
        return _accepted(await self._session.act("privatePostTradeCancelOrder", given, gate))

    async def trades(self, shown: Shown, order: PreparedOrder) -> tuple[LedgerEntry, ...]:
        """Raises ValueError for one with more trades than are read."""
        market = await self._market(order.symbol)
        return await trades_of(self._session, self._venue, market["id"], _size(market), shown, order)

    # --- the account --------------------------------------------------------------------------------------------------

    def cursor_at(self, now: datetime) -> str:
        return cursor_at(now)

    async def holdings(self) -> dict[str, Decimal]:
        """``GET account/balance`` (``cashBal``), ``GET account/positions`` (``pos``: contracts), and what lies in the
        funding account. Raises ValueError while money is moved between the two.
        """
        funding = await funding_of(self._session)
        balances, positions = await together(
            self._session.ask("privateGetAccountBalance", {}),
            self._session.ask("privateGetAccountPositions", {"instType": "SWAP"}),
        )
        if await funding_of(self._session) != funding:
            raise ValueError("the funding account changed while the trading account was read")
        coins = {one["ccy"]: Decimal(one["cashBal"]) for account in balances["data"] for one in account["details"]}
        held = {
            f"{self._venue}:{SPEC.balance_type('spot', coin)}:{coin}": amount + funding.get(coin, money.ZERO)
            for coin, amount in {**dict.fromkeys(funding, money.ZERO), **coins}.items()
        }
        listed = {one["id"]: one for one in (await self._session.markets()).values()}
        for one in positions["data"]:
            contracts, market = Decimal(one["pos"] or "0"), listed.get(one["instId"])
            if contracts and one["posSide"] != "net":
                raise ValueError(f"{one['instId']} has a {one['posSide']} position: the account is in hedge mode")
            if market is None:
                raise ValueError(f"there is a position of {one['instId']}, which is not listed")
            held[f"{self._venue}:Perp:{market['symbol']}"] = money.tidy(contracts * _size(market))
        return held

    async def accrued(self, cursor: str | None, now: datetime) -> tuple[Sequence[LedgerEntry], str, bool]:
        return await entries_after(self._session, self._venue, cursor, now)


def _refusal(answer: Any) -> tuple[str, str] | None:
    """``{"code": "50011", "msg": "…"}``; ``1`` says that ``data`` tells it of each order."""
    if not isinstance(answer, dict) or str(answer.get("code", "0")) == "0":
        return None
    for one in answer.get("data") or ():
        if isinstance(one, dict) and one.get("sCode") not in (None, "", "0"):
            return str(one["sCode"]), str(one.get("sMsg", ""))
    return str(answer["code"]), str(answer.get("msg", ""))


def _size(market: Mapping[str, Any]) -> Decimal:
    """Base units of what it counts in."""
    return Decimal(market.get("contractSize") or 1)


def _accepted(told: Mapping[str, Any]) -> Accepted:
    one = told["data"][0]
    return Accepted(str(one["ordId"]), one["clOrdId"], moment(one["ts"]), text_of(told))


def _shown(told: Mapping[str, Any], order: PreparedOrder, size: Decimal) -> Shown:
    filled, status = money.tidy(Decimal(told["accFillSz"] or "0") * size), _STATUS[told["state"]]
    in_quote = order.market == "spot" and told.get("tgtCcy") == "quote_ccy"
    code, message = _short(told, order, status)
    return Shown(
        venue_order_id=str(told["ordId"]),
        client_order_id=told["clOrdId"],
        status=status,
        filled=filled,
        remaining=Decimal(0) if in_quote else money.tidy(Decimal(told["sz"]) * size) - filled,
        at=moment(told["uTime"]),
        code=code,
        message=message,
        raw=text_of(told),
    )


def _short(told: Mapping[str, Any], order: PreparedOrder, status: str) -> tuple[str | None, str | None]:
    """Code and message of an order that did not fill as it was meant to, and that nobody cancelled."""
    if status == "cancelled" and told.get("cancelSource") == _WOULD_TAKE:
        return "EXI-007", "OKX cancelled the post-only order: it would have taken"
    if status == "cancelled" and told.get("cancelSource") == _BY_SYSTEM:
        return "EXI-001", f"OKX cancelled the order: {told.get('cancelSourceReason') or 'it does not say why'}"
    return fell_short(order, status, told["accFillSz"] or 0, told["sz"])
