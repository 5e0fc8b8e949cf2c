"""What each simulated exchange asks of an order and of a margin account, by its own rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry, OrderFound
from tightloop.venues import binance, bybit, okx
from tightloop.venues.sim import commands as c
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.margin import maintenance
from tightloop.venues.sim.market import Market, Series
from tightloop.venues.sim.market_sources import synthetic_market
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings, SymbolRules

D = Decimal
VENUES = {"binance": binance, "bybit": bybit, "okx": okx}
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rules_of(venue: str, symbol: str) -> SymbolRules:
    return next(one for one in VENUES[venue].settings(venue).symbols if one.symbol == symbol)


class Desk:
    """One exchange on a market whose BTC perpetual costs what the test says, hour by hour."""

    def __init__(self, venue: str, *prices: int, ether: tuple[int, ...] = (), **changes: Any) -> None:
        self.venue = venue
        made: ExchangeSettings = replace(VENUES[venue].settings(venue), slippage_bps=D(0), **changes)
        hourly = Series([(START + number * HOUR, D(price)) for number, price in enumerate(prices)])
        series = {("x", "BTC/USDT"): hourly, ("x", "BTC/USDT:USDT"): hourly}
        series |= {("x", "BNB/USDT"): Series([(START, D(250))])}
        if ether:
            other = Series([(START + number * HOUR, D(price)) for number, price in enumerate(ether)])
            series |= {("x", "ETH/USDT:USDT"): other}
        market = Market(series, {}, {}, None)
        kept = SimSettings(exchanges=(made,), chains=(), clock="manual", market_origin=START)
        self.sandbox = Sandbox(kept, market=market)
        self._number = 0

    def open(self, **balances: str) -> None:
        opening = {f"{self.venue}:{name.replace('_', ':')}": D(amount) for name, amount in balances.items()}
        self.sandbox.act(self.venue, c.OpenAccount(account="s", opening=opening), START)

    def order(self, **fields: Any) -> OrderFound:
        self._number += 1
        now = self.sandbox.now()
        chosen: dict[str, Any] = {"market": "perp", "symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "market"}
        chosen["client_order_id"] = f"o{self._number}"
        command = c.PlaceOrder(account="s", timestamp=now, decided_at=now, **{**chosen, **fields})
        found = self.sandbox.act(self.venue, command, now)
        assert found is not None
        return found

    def hours(self, number: int) -> None:
        assert self.sandbox.manual is not None
        self.sandbox.manual.move(number * HOUR)

    def amounts(self) -> dict[str, Decimal]:
        held = self.sandbox.positions(self.venue, "s").amounts
        return {key.partition(":")[2]: amount for key, amount in held.items()}

    def entries(self) -> list[LedgerEntry]:
        return list(self.sandbox.ledger(self.venue, "s", 0).entries)


# --- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
def test_every_exchange_lists_the_same_pairs_and_has_rules_of_its_own(venue: str) -> None:
    symbols = [one.symbol for one in VENUES[venue].settings(venue).symbols]
    assert len(set(symbols)) == len(symbols)
    bases = ("BTC", "ETH", "SOL", "LTC", "XRP", "DOGE")
    assert {f"{base}/USDT" for base in bases} | {f"{base}/USDT:USDT" for base in bases} <= set(symbols)
    assert {"BTC/USDC", "ETH/USDC", "USDC/USDT"} <= set(symbols)


def test_a_contract_of_okx_is_not_a_base_unit() -> None:
    """``public/instruments``: ctVal 0.01 BTC, lotSz and minSz 0.1 contracts, maxMktSz 12000 contracts."""
    rules = rules_of("okx", "BTC/USDT:USDT")
    assert (rules.contract, rules.lot, rules.min_amount, rules.max_market_amount) == (
        D("0.01"),
        D("0.001"),
        D("0.001"),
        D(120),
    )
    doge = rules_of("okx", "DOGE/USDT:USDT")
    assert (doge.contract, doge.lot) == (1000, 100)


@pytest.mark.parametrize(
    ("venue", "fields", "why"),
    [
        ("binance", {"amount": D("120.001")}, "above the largest amount of 120"),
        ("bybit", {"amount": D("119.001")}, "above the largest amount of 119"),
        ("okx", {"amount": D("120.001")}, "above the largest amount of 120"),
        ("binance", {"amount": D("0.0015")}, "not a multiple of the lot 0.001"),
        ("okx", {"amount": D("0.0015")}, "not a multiple of the lot 0.001"),
        ("bybit", {"market": "spot", "symbol": "BTC/USDT", "amount": D("0.00001")}, "below the least amount"),
        ("okx", {"market": "spot", "symbol": "BTC/USDT", "amount": D("0.00000999")}, "below the least amount"),
        ("binance", {"market": "spot", "symbol": "BTC/USDT", "amount": D("0.00001")}, "below the minimum of 5 USDT"),
        ("okx", {"market": "spot", "symbol": "BTC/USDT", "amount": D(24)}, "above the maximum of 1000000 USDT"),
        (
            "bybit",
            {"market": "spot", "symbol": "BTC/USDT", "order_type": "limit", "price": D("42000.05"), "amount": D(1)},
            "not a multiple of the tick 0.1",
        ),
    ],
)
def test_an_order_outside_an_exchanges_own_bounds_is_refused(venue: str, fields: dict[str, Any], why: str) -> None:
    desk = Desk(venue, 42_000)
    desk.open(MarginBalance_USDT="1e9", BaseToken_USDT="1e9")
    with pytest.raises(VenueError, match=why) as refused:
        desk.order(**fields)
    assert refused.value.code == "invalid_order"


def test_a_limit_order_may_be_larger_than_a_market_order() -> None:
    desk = Desk("binance", 42_000)
    desk.open(MarginBalance_USDT="1e9")
    assert desk.order(order_type="limit", price=D(20_000), amount=D(1000)).status == "open"


@pytest.mark.parametrize(("venue", "rate"), [("binance", "0.0005"), ("bybit", "0.0006"), ("okx", "0.0005")])
def test_a_taker_of_a_perpetual_pays_the_exchanges_rate(venue: str, rate: str) -> None:
    desk = Desk(venue, 42_000)
    (fill,) = desk.order(amount=D("0.1")).entries
    assert fill.fees[0].amount == D(4200) * D(rate)


# --- margin -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notional", "rate", "deduction"),
    [
        ("2000000", "0.005", "0"),
        ("2500000", "0.0056", "1200"),
        ("5500000", "0.0091", "15460"),
        ("12000000", "0.015", "66000"),
    ],
)
def test_maintenance_margin_is_what_bybit_publishes(notional: str, rate: str, deduction: str) -> None:
    """Margin parameters of BTCUSDT: value times the rate of its tier, less the tier's deduction."""
    published = D(notional) * D(rate) - D(deduction)
    assert maintenance(bybit.settings("bybit").maintenance, D(notional)) == published


def test_maintenance_margin_is_what_binance_publishes() -> None:
    """BTCUSDT of 2021-06-22: 0.4 % up to 50,000, 0.5 % up to 250,000, 1 % up to 1,000,000, each on its own part."""
    kept = maintenance(binance.settings("binance").maintenance, D(300_000))
    assert kept == D(50_000) * D("0.004") + D(200_000) * D("0.005") + D(50_000) * D("0.01")


def test_an_order_needs_its_notional_over_leverage() -> None:
    desk = Desk("binance", 42_000)
    desk.open(MarginBalance_USDT="4221")
    with pytest.raises(VenueError) as refused:
        desk.order(amount=D("1.001"))
    assert refused.value.code == "insufficient_margin"
    assert desk.order(amount=D(1)).status == "filled"


def test_what_cannot_be_kept_is_liquidated_at_the_market_and_costs_the_exchanges_fee() -> None:
    """Long 1 BTC at 42,000 with 4,700: at 38,000 equity is 679, and 0.4 % of 38,000 must stay; at 37,400 it is 79."""
    desk = Desk("okx", 42_000, 38_000, 37_400, 37_400)
    desk.open(MarginBalance_USDT="4700")
    desk.order(amount=D(1))  # its fee is 21
    resting = desk.order(order_type="limit", price=D(20_000), amount=D("0.1"))
    desk.hours(1)
    assert desk.amounts()["Perp:BTC/USDT:USDT"] == 1
    desk.hours(1)
    assert desk.amounts() == {"MarginBalance:USDT": D("60.3")}  # 79, less 0.05 % of 37,400
    gone = desk.entries()[-1]
    assert (gone.kind, gone.client_order_id, gone.side, gone.amount) == ("transfer", None, "sell", 1)
    assert (gone.realised_pnl, [fee.amount for fee in gone.fees]) == (D(-4600), [D("18.7")])
    assert gone.event_time == START + 2 * HOUR
    found = desk.sandbox.find("okx", "s", "o2")
    assert (resting.status, found.status, found.code) == ("open", "cancelled", "insufficient_margin")


def test_what_a_liquidation_costs_beyond_the_balance_the_insurance_fund_pays() -> None:
    desk = Desk("binance", 42_000, 30_000)
    desk.open(MarginBalance_USDT="4300")
    desk.order(amount=D(1))
    desk.hours(1)
    assert desk.amounts() == {}
    assert [delta.source for delta in desk.entries()[-1].deltas] == ["trade", "trade", "fee", "transfer"]


def test_what_one_position_won_pays_for_what_another_lost_before_the_insurance_fund_does() -> None:
    """7,100 and 14,000 won, less 22,000 lost and some fees: not 15,000 but some 950 are missing."""
    desk = Desk("okx", 42_000, 20_000, ether=(2_000, 1_000))
    desk.open(MarginBalance_USDT="7100")
    desk.order(amount=D(1))
    desk.order(symbol="ETH/USDT:USDT", side="sell", amount=D(14))
    desk.hours(1)
    closed = [entry for entry in desk.entries() if entry.kind == "transfer"]
    assert [entry.symbol for entry in closed] == ["ETH/USDT:USDT", "BTC/USDT:USDT"]
    fund = [delta.amount for entry in closed for delta in entry.deltas if delta.source == "transfer"]
    assert len(fund) == 1 and 900 < fund[0] < 1_000
    assert desk.amounts() == {}


def test_a_liquidation_is_the_same_whenever_somebody_looks() -> None:
    seen = []
    for looks in (range(6), (5,)):
        desk = Desk("bybit", 42_000, 41_000, 39_000, 37_900, 37_000, 41_000)
        desk.open(MarginBalance_USDT="4300")
        desk.order(amount=D(1))
        at = 0
        for look in looks:
            desk.hours(look - at)
            at = look
            desk.amounts()
        seen.append(desk.entries())
    assert seen[0] == seen[1]
    assert seen[0][-1].event_time == START + 3 * HOUR


# --- market -----------------------------------------------------------------------------------------------------------


def test_recorded_funding_is_paid_and_otherwise_one_made_up_of_the_seed() -> None:
    market = synthetic_market(3)
    made_up = market.funding("okx", "SOL/USDT:USDT", 8)
    assert made_up is not None
    assert [time.hour for time in made_up.times[:4]] == [0, 8, 16, 0]
    assert made_up.values == synthetic_market(3).funding("okx", "SOL/USDT:USDT", 8).values  # type: ignore[union-attr]
    assert made_up.values != synthetic_market(4).funding("okx", "SOL/USDT:USDT", 8).values  # type: ignore[union-attr]
    hourly = market.funding("elsewhere", "BTC/USDT:USDT", 1)
    assert hourly is not None and hourly.times[1] - hourly.times[0] == HOUR


def test_every_pair_of_every_exchange_has_a_price_in_the_synthetic_market() -> None:
    market = synthetic_market(1)
    with money.exact():
        for venue, module in VENUES.items():
            for rules in module.settings(venue).symbols:
                price = market.price(venue, rules.symbol, market.start)
                assert price is not None and price > 0, (venue, rules.symbol)
        assert market.price("okx", "BTC/USDC", market.start) == market.price("okx", "BTC/USDT", market.start)
        assert market.price("okx", "USDC/USDT", market.start) == 1


def test_a_fee_in_the_exchanges_coin_is_what_it_is_worth_less_the_discount() -> None:
    desk = Desk("binance", 40_000)
    desk.open(MarginBalance_USDT="100000", MarginBalance_BNB="0.08")
    desk.sandbox.act("binance", c.SetFees(account="s", market="perp", in_coin=True), START)
    first, second = (desk.order(amount=D(1)).entries[0].fees for _ in range(2))
    assert [(fee.position_key, fee.amount) for fee in first] == [("binance:MarginBalance:BNB", D("0.072"))]
    assert [(fee.position_key, fee.amount) for fee in second] == [("binance:MarginBalance:USDT", D(20))], "too little"


def test_what_an_account_pays_survives_a_restart_of_the_exchange(tmp_path: Path) -> None:
    made = SimSettings(exchanges=(binance.settings("binance"),), chains=(), data_dir=str(tmp_path), market_origin=START)
    before = Sandbox(made)
    before.act("binance", c.SetFees(account="s", market="spot", maker=D("-0.0002"), in_coin=True), START)
    before.flush()
    before.close()
    kept = Sandbox(made).exchanges["binance"].accounts["s"].fees["spot"]
    assert (kept.maker, kept.taker, kept.in_coin) == (D("-0.0002"), None, True)


@pytest.mark.parametrize("venue", ["bybit", "okx"])
def test_an_exchange_without_a_coin_for_fees_takes_none(venue: str) -> None:
    with pytest.raises(VenueError) as refusal:
        Desk(venue, 40_000).sandbox.act(venue, c.SetFees(account="s", market="spot", in_coin=True), START)
    assert refusal.value.code == "operation_not_supported"


def test_a_fee_rate_that_can_not_be_meant_is_refused() -> None:
    with pytest.raises(VenueError) as refusal:
        Desk("okx", 40_000).sandbox.act("okx", c.SetFees(account="s", market="spot", taker=D("0.5")), START)
    assert refusal.value.code == "bad_request"


UNIFIED = {"MarginBalance_USDT": "100000", "BaseToken_BTC": "1"}


@pytest.mark.parametrize("venue", ["bybit", "okx"])
def test_in_a_unified_account_spot_orders_leave_what_positions_need(venue: str) -> None:
    desk = Desk(venue, 50000)
    desk.open(**UNIFIED)
    desk.order(amount=D(10))  # 500,000 of notional bind 50,000
    spot = {"market": "spot", "symbol": "BTC/USDT"}
    with pytest.raises(VenueError) as refused:
        desk.order(**spot, amount=D(1))
    assert refused.value.code == "insufficient_balance"
    bought = desk.order(**spot, amount=D("0.9"))
    assert {delta.position_key for delta in bought.entries[0].deltas if delta.amount < 0} == {
        f"{venue}:MarginBalance:USDT",
        f"{venue}:BaseToken:BTC",  # the fee
    }


@pytest.mark.parametrize("venue", ["bybit", "okx"])
def test_in_a_unified_account_working_spot_orders_are_no_margin(venue: str) -> None:
    desk = Desk(venue, 50000)
    desk.open(**UNIFIED)
    desk.order(market="spot", symbol="BTC/USDT", amount=D("2.4"), order_type="limit", price=D(40000))
    with pytest.raises(VenueError) as refused:
        desk.order(amount=D(1))
    assert refused.value.code == "insufficient_margin"
    assert desk.order(amount=D("0.5")).status == "filled"


# --- what some exchanges do otherwise ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("once", "taken"), [(False, True), (True, False)])
def test_an_id_is_taken_again_after_its_order_has_ended_unless_the_exchange_takes_it_once(
    once: bool, taken: bool
) -> None:
    desk = Desk("bybit", 40_000, ids_once=once)
    desk.open(MarginBalance_USDT="100000")
    desk.order(client_order_id="a", amount=D("0.01"))
    if taken:
        desk.order(client_order_id="a", amount=D("0.01"))
        return
    with pytest.raises(VenueError) as refusal:
        desk.order(client_order_id="a", amount=D("0.01"))
    assert refusal.value.code == "duplicate_client_order_id"
    assert desk.amounts()["Perp:BTC/USDT:USDT"] == D("0.01")


def test_a_post_only_order_that_would_trade_is_refused_or_ends_at_once() -> None:
    crossing: dict[str, Any] = {"order_type": "limit", "time_in_force": "PO", "price": D(41_000), "amount": D("0.01")}
    refusing = Desk("bybit", 40_000)
    refusing.open(MarginBalance_USDT="100000")
    with pytest.raises(VenueError, match="post-only"):
        refusing.order(**crossing)
    ending = Desk("bybit", 40_000, post_only_ends=True)
    ending.open(MarginBalance_USDT="100000")
    found = ending.order(**crossing)
    assert (found.status, found.remaining, found.entries) == ("cancelled", D("0.01"), ())
    assert ending.order(**{**crossing, "price": D(39_000)}).status == "open"


def test_a_spot_order_is_changed_within_what_the_account_has_without_it() -> None:
    desk = Desk("bybit", 40_000)
    desk.open(MarginBalance_USDT="1000")
    resting: dict[str, Any] = {"market": "spot", "symbol": "BTC/USDT", "order_type": "limit", "amount": D("0.02")}
    desk.order(client_order_id="a", price=D(39_000), **resting)

    def change(amount: str, price: str) -> OrderFound | None:
        command = c.ChangeWorking(
            account="s", client_order_id="a", amount=D(amount), price=D(price), timestamp=desk.sandbox.now()
        )
        return desk.sandbox.act("bybit", command, desk.sandbox.now())

    changed = change("0.025", "38000")
    assert changed is not None
    assert (changed.status, changed.remaining) == ("open", D("0.025")), (
        "950 of the 1000, as the order bound them itself"
    )
    with pytest.raises(VenueError) as refusal:
        change("0.03", "38000")
    assert refusal.value.code == "insufficient_balance"
    filled = change("0.02", "41000")
    assert filled is not None
    assert filled.status == "filled", "it trades with what it crosses"
