"""Binance's USD-M futures account: balances, positions, income. Cross margin and one asset, as the engine has it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tightloop.venues.dialects.binance.calls import Call
from tightloop.venues.dialects.figures import fixed, joined
from tightloop.venues.dialects.margin import CrossMargin
from tightloop.venues.sim.books import ZERO
from tightloop.venues.sim.orders import Listing
from tightloop.venues.times import milliseconds

ASSET = "USDT"
MOST_NOTIONAL = Decimal(1_000_000_000)
_NONE = fixed(ZERO)
_HELD = ("walletBalance", "marginBalance", "crossWalletBalance", "availableBalance", "maxWithdrawAmount")
_INCOME = {"funding": "FUNDING_FEE", "transfer": "TRANSFER", "deposit": "TRANSFER"}


class Margin(CrossMargin):
    """In the one asset that is margin here."""

    def __init__(self, call: Call) -> None:
        venue = call.venue
        super().__init__(
            call.account(),
            venue.futures.asked({}),
            venue.desk.exchange.settings,
            venue.leverage,
            venue.prices.prices,
            call.now,
        )
        self._wallet = f"{venue.prefix}:MarginBalance:"
        self.wallet = self.account.balance(self._wallet + ASSET)
        self.profit = sum((self.unrealised(listing) for listing in self.held), ZERO)
        self.initial = sum((self.bound(listing) for listing in self.held), ZERO)
        self.maintenance = sum((self.kept(listing) for listing in self.held), ZERO)
        self.available = max(ZERO, self.wallet + self.profit - self.initial)

    def updated_at(self) -> int:
        ledger = self.account.ledger
        return milliseconds(ledger[-1].event_time if ledger else self.account.opened_at)

    def common(self, listing: Listing) -> dict[str, Any]:
        bound, amount = fixed(self.bound(listing)), self.held[listing]
        return {
            "symbol": joined(listing.rules.symbol),
            "positionSide": "BOTH",
            "positionAmt": f"{amount:f}",
            "notional": fixed(amount * self.mark(listing)),
            "isolatedMargin": "0",
            "isolatedWallet": "0",
            "initialMargin": bound,
            "maintMargin": fixed(self.kept(listing)),
            "updateTime": self.updated_at(),
        }

    def assets(self) -> list[dict[str, Any]]:
        """The margin asset, and what else lies in the wallet: it is no margin, and pays fees alone."""
        usual, found = self.asset(), []
        wallet = self._wallet
        for key in sorted(self.account.balances):
            name = key.removeprefix(wallet)
            if key.startswith(wallet) and name != ASSET:
                none = dict.fromkeys(usual, _NONE)
                held = dict.fromkeys(_HELD, fixed(self.account.balances[key]))
                found.append({**none, **held, "asset": name, "updateTime": usual["updateTime"]})
        return [usual, *found]

    def asset(self) -> dict[str, Any]:
        return {
            "asset": ASSET,
            "walletBalance": fixed(self.wallet),
            "unrealizedProfit": fixed(self.profit),
            "marginBalance": fixed(self.wallet + self.profit),
            "maintMargin": fixed(self.maintenance),
            "initialMargin": fixed(self.initial),
            "positionInitialMargin": fixed(self.initial),
            "openOrderInitialMargin": _NONE,
            "crossWalletBalance": fixed(self.wallet),
            "crossUnPnl": fixed(self.profit),
            "availableBalance": fixed(self.available),
            "maxWithdrawAmount": fixed(self.available),
            "updateTime": self.updated_at(),
        }


async def _account(call: Call) -> Any:
    def ask() -> dict[str, Any]:
        margin = Margin(call)
        asset = margin.asset()
        return {
            "totalInitialMargin": asset["initialMargin"],
            "totalMaintMargin": asset["maintMargin"],
            "totalWalletBalance": asset["walletBalance"],
            "totalUnrealizedProfit": asset["unrealizedProfit"],
            "totalMarginBalance": asset["marginBalance"],
            "totalPositionInitialMargin": asset["positionInitialMargin"],
            "totalOpenOrderInitialMargin": asset["openOrderInitialMargin"],
            "totalCrossWalletBalance": asset["crossWalletBalance"],
            "totalCrossUnPnl": asset["crossUnPnl"],
            "availableBalance": asset["availableBalance"],
            "maxWithdrawAmount": asset["maxWithdrawAmount"],
            "assets": margin.assets(),
            "positions": [
                {
                    **margin.common(listing),
                    "unrealizedProfit": fixed(margin.unrealised(listing)),
                }
                for listing in margin.held
            ],
        }

    return await call.look("positions", "", ask)


async def _balance(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        return [
            {
                "accountAlias": "SgsR",
                "asset": asset["asset"],
                "balance": asset["walletBalance"],
                "crossWalletBalance": asset["crossWalletBalance"],
                "crossUnPnl": asset["crossUnPnl"],
                "availableBalance": asset["availableBalance"],
                "maxWithdrawAmount": asset["maxWithdrawAmount"],
                "marginAvailable": asset["asset"] == ASSET,
                "updateTime": asset["updateTime"],
            }
            for asset in Margin(call).assets()
        ]

    return await call.look("positions", "", ask)


async def _position_risk(call: Call) -> Any:
    def ask() -> list[dict[str, Any]]:
        margin = Margin(call)
        wanted = [listing.rules.symbol for listing in call.venue.futures.asked(call.given)]
        return [
            {
                **margin.common(listing),
                "entryPrice": fixed(margin.entry_price(listing)),
                "breakEvenPrice": fixed(margin.entry_price(listing)),
                "markPrice": fixed(margin.mark(listing)),
                "unRealizedProfit": fixed(margin.unrealised(listing)),
                "liquidationPrice": "0",
                "marginAsset": ASSET,
                "positionInitialMargin": fixed(margin.bound(listing)),
                "openOrderInitialMargin": "0",
                "adl": 2,
                "bidNotional": "0",
                "askNotional": "0",
            }
            for listing in margin.held
            if listing.rules.symbol in wanted
        ]

    return await call.look("positions", "", ask)


async def _income(call: Call) -> Any:
    """Newest last, as Binance answers it; at most a week where no time is given."""

    def ask() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        wanted = call.given.get("incomeType")
        wallet = f"{call.venue.prefix}:MarginBalance:"
        for entry in call.account().ledger:
            booked = sum((d.amount for d in entry.deltas if d.position_key == wallet + ASSET), ZERO)
            lines = [(_INCOME.get(entry.kind, ""), booked, ASSET)]
            if entry.realised_pnl is not None:
                lines = [("REALIZED_PNL", entry.realised_pnl, ASSET)]
            if entry.kind != "trade" and entry.realised_pnl is not None:  # a liquidation
                lines.append(("INSURANCE_CLEAR", booked - entry.realised_pnl, ASSET))
            if entry.kind == "trade":
                mine = [fee for fee in entry.fees if fee.position_key.startswith(wallet)]
                lines += [("COMMISSION", -fee.amount, fee.position_key.removeprefix(wallet)) for fee in mine]
            for kind, amount, asset in lines:
                if kind and amount and wanted in (None, kind) and call.between(entry.event_time):
                    found.append(
                        {
                            "symbol": joined(entry.symbol) if entry.symbol else "",
                            "incomeType": kind,
                            "income": fixed(amount),
                            "asset": asset,
                            "info": kind,
                            "time": milliseconds(entry.event_time),
                            "tranId": entry.sequence,
                            "tradeId": str(entry.sequence) if entry.kind == "trade" else "",
                        }
                    )
        first = (int(call.given.get("page") or 1) - 1) * call.limit(100, 1000)
        return found[first : first + call.limit(100, 1000)]

    return await call.look("ledger", call.given.get("startTime", ""), ask)


READS: dict[str, Callable[[Call], Any]] = {
    "GET /fapi/v3/account": _account,
    "GET /fapi/v3/balance": _balance,
    "GET /fapi/v3/positionRisk": _position_risk,
    "GET /fapi/v1/income": _income,
}
TRADES: dict[str, Callable[[Call], Any]] = {}
