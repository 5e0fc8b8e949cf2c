"""Execution cases of an exchange: what becomes of an order when nothing goes wrong but the market."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.venue_intents import actions as chain_actions
from tests.support.venue_intents import swap

from tightloop.handlers.calls import Ambiguous, NotFound, OrderFound, Prepared, Refused, Unavailable
from tightloop.venues.sim import rounding

from .exchanges import Exchange, price_of

D = Decimal
PENNY = D("1e-8")


def test_01_a_market_buy_is_filled_and_its_deltas_are_complete(exchange: Exchange) -> None:
    btc, usdt = exchange.key("BaseToken:BTC"), exchange.key(exchange.spot_money)
    fee = D("0.5") * exchange.settings.spot_taker
    before = exchange.amounts()
    found = exchange.submit(exchange.trade("a", amount=D("0.5")))
    assert isinstance(found, OrderFound), found
    assert (found.status, found.remaining, found.cursor_before, found.cursor_after) == ("filled", 0, "0", "1")
    (entry,) = found.entries
    assert (entry.amount, entry.liquidity, entry.client_order_id) == (D("0.5"), "taker", f"{exchange.account}.a")
    assert [(delta.position_key, delta.amount, delta.source) for delta in entry.deltas] == [
        (btc, D("0.5"), "trade"),
        (usdt, -(entry.cost or 0), "trade"),
        (btc, -fee, "fee"),
    ]
    assert [(one.position_key, one.amount) for one in entry.fees] == [(btc, fee)]
    after = exchange.amounts()
    assert after[btc] - before[btc] == D("0.5") - fee
    assert before[usdt] - after[usdt] == entry.cost


def test_02_a_sell_pays_its_fee_from_the_quote_received(exchange: Exchange) -> None:
    found = exchange.submit(exchange.trade("a", side="sell", amount=D("0.5")))
    (entry,) = found.entries
    assert entry.fees[0].position_key == exchange.key(exchange.spot_money)
    assert entry.fees[0].amount == (entry.cost * exchange.settings.spot_taker).quantize(PENNY, "ROUND_UP")


def test_03_an_order_beyond_one_level_fills_in_several_trades_each_worse(exchange: Exchange) -> None:
    found = exchange.submit(exchange.trade("a", symbol="ETH/USDT", amount=D("2.5")))
    assert [entry.amount for entry in found.entries] == [1, 1, D("0.5")]
    prices = [entry.cost / entry.amount for entry in found.entries]
    assert prices == sorted(prices)
    assert len(set(prices)) == 3
    assert (found.cursor_before, found.cursor_after) == ("0", "3")


def test_04_a_quote_amount_is_spent_in_whole_lots(exchange: Exchange) -> None:
    found = exchange.submit(exchange.trade("a", quote_amount=D(1000)))
    (entry,) = found.entries
    assert found.status == "filled"
    assert D(999) < entry.cost < D("1000.2")
    assert entry.amount % exchange.rules().lot == 0


def too_small(exchange: Exchange) -> dict[str, Any]:
    """The least that the exchange's bounds on amount and notional do not allow, in whole lots."""
    rules = exchange.rules()
    least = max(rules.min_amount, rules.min_notional / 60_000)
    return {"amount": least.quantize(rules.lot, "ROUND_DOWN") - rules.lot}


INVALID: dict[str, Callable[[Exchange], dict[str, Any]]] = {
    "too small": too_small,
    "less than a lot": lambda exchange: {"amount": exchange.rules().lot / 10},
    "too large": lambda exchange: {"amount": D(10_000)},
    "quote amount too small": lambda _: {"quote_amount": D("0.01")},
    "limit without a price": lambda _: {"order_type": "limit"},
    "no such market": lambda _: {"symbol": "NONE/USDT"},
    "negative": lambda _: {"amount": D("-1")},
    "as large as a record can hold": lambda _: {"amount": D("1E+57")},
    "nothing to reduce": lambda _: {"market": "perp", "symbol": "BTC/USDT:USDT", "reduce_only": True},
    "reduce-only at spot": lambda _: {"reduce_only": True},
}


@pytest.mark.parametrize("why", INVALID)
def test_05_an_invalid_order_is_refused_and_changes_nothing(exchange: Exchange, why: str) -> None:
    _refused(exchange, why, INVALID[why](exchange), "EXI-007")


SHORT: dict[str, dict[str, Any]] = {
    "buys more than the quote pays for": {"amount": D(50), "order_type": "limit", "price": D(40_000)},
    "sells more than is held": {"side": "sell", "amount": D(11)},
    "needs more margin": {
        "market": "perp",
        "symbol": "BTC/USDT:USDT",
        "amount": D(400),
        "order_type": "limit",
        "price": D(40_000),
    },
}


@pytest.mark.parametrize("why", SHORT)
def test_06_an_order_that_the_account_cannot_pay_for_is_refused(exchange: Exchange, why: str) -> None:
    _refused(exchange, why, SHORT[why], "EXI-006")


def _refused(exchange: Exchange, why: str, fields: dict[str, Any], code: str) -> None:
    before = exchange.amounts()
    entry = exchange.trade(f"a {why}", **fields)
    answer = exchange.submit(entry)
    assert isinstance(answer, Refused), answer
    assert answer.code == code, answer
    assert exchange.amounts() == before
    assert isinstance(exchange.find(entry), NotFound)
    assert {request["result"] for request in exchange.requests()} <= {"refused"}


def test_07_a_limit_order_rests_and_fills_as_maker_when_the_market_crosses(own_exchange: Exchange) -> None:
    exchange = own_exchange
    probe = exchange.submit(exchange.trade("probe"))
    limit = exchange.to_tick(price_of(probe) * D("0.995"))
    entry = exchange.trade("a", order_type="limit", price=limit, amount=D("0.2"))
    resting = exchange.submit(entry)
    assert (resting.status, resting.entries, resting.remaining) == ("open", (), D("0.2"))
    assert [order["client_order_id"] for order in exchange.books()["orders"]] == [
        f"{exchange.account}.{name}" for name in ("probe", "a")
    ]

    def filled() -> bool:
        exchange.market_goes_on(3600)
        return bool(exchange.find(entry).status == "filled")

    exchange.eventually(filled, "the market to cross the limit")
    (fill,) = exchange.find(entry).entries
    assert (fill.liquidity, fill.cost) == ("maker", limit * D("0.2"))
    assert fill.fees[0].amount == D("0.2") * exchange.settings.spot_maker


def test_08_a_resting_order_is_cancelled_and_its_funds_are_free_again(exchange: Exchange) -> None:
    price = exchange.far_below()
    held = exchange.amounts()[exchange.key(exchange.spot_money)]
    most = rounding.multiple_down(held / price, exchange.rules().lot) - D("0.001")
    entry = exchange.trade("a", order_type="limit", price=price, amount=most)
    assert exchange.submit(entry).status == "open"
    assert isinstance(exchange.submit(exchange.trade("b", amount=D(1))), Refused)
    cancelled = exchange.cancel(entry)
    assert (cancelled.status, cancelled.remaining, cancelled.code) == ("cancelled", most, None)
    assert exchange.find(entry).status == "cancelled"
    assert exchange.submit(exchange.trade("b", amount=D(1))).status == "filled"


def test_09_a_cancel_that_comes_too_late_shows_the_fill(exchange: Exchange) -> None:
    entry = exchange.trade("a")
    filled = exchange.submit(entry)
    assert exchange.cancel(entry) == replace(filled, as_of=exchange.now())


def test_10_a_cancel_of_what_never_was_is_not_found(exchange: Exchange) -> None:
    assert isinstance(exchange.cancel(exchange.trade("a")), NotFound)


@pytest.mark.parametrize(("side", "missed_at"), [("buy", "0.5"), ("sell", "2")])
def test_11_the_slippage_bound_is_an_ioc_limit(exchange: Exchange, side: str, missed_at: str) -> None:
    reference = price_of(exchange.submit(exchange.trade(f"probe {side}", side=side)))
    bound = {"side": side, "reference_price": reference, "max_slippage_bps": D(1)}
    assert exchange.submit(exchange.trade(f"a {side}", **bound)).status == "filled"
    bound |= {"reference_price": exchange.to_tick(reference * D(missed_at)), "max_slippage_bps": D(10)}
    missed = exchange.submit(exchange.trade(f"b {side}", **bound))
    assert (missed.status, missed.code, missed.entries) == ("cancelled", "EXI-011", ())


def test_12_each_time_in_force_fills_rests_or_cancels_as_it_says(exchange: Exchange) -> None:
    price = price_of(exchange.submit(exchange.trade("probe", symbol="ETH/USDT", amount=D(1))))

    def limit(name: str, time_in_force: str, amount: int, at: Decimal = price) -> Any:
        fields = {"symbol": "ETH/USDT", "order_type": "limit", "price": at, "amount": D(amount)}
        return exchange.submit(exchange.trade(name, time_in_force=time_in_force, **fields))

    ioc = limit("a", "IOC", 3)
    assert (ioc.status, ioc.remaining, len(ioc.entries)) == ("cancelled", 2, 1)
    fok = limit("b", "FOK", 3)
    assert (fok.status, fok.remaining, fok.entries) == ("cancelled", 3, ())
    assert isinstance(limit("c", "PO", 3), Refused)
    rest = limit("d", "GTC", 3)
    assert (rest.status, rest.remaining, len(rest.entries)) == ("open", 2, 1)
    assert [limit(name, name, 1).status for name in ("IOC", "FOK")] == ["filled", "filled"]
    passive = limit("e", "PO", 1, exchange.to_tick(price / 2, "ETH/USDT"))
    assert (passive.status, passive.entries) == ("open", ())


def test_13_a_perpetual_realises_its_profit_into_the_margin_balance(exchange: Exchange) -> None:
    position, margin = exchange.key("Perp:BTC/USDT:USDT"), exchange.key(exchange.margin_money)
    opened_with = exchange.amounts()[margin]
    bought = exchange.submit(exchange.perp("a", amount=D("0.3"))).entries[0]
    assert exchange.amounts()[position] == D("0.3")
    sold = exchange.submit(exchange.perp("b", side="sell", amount=D("0.5"))).entries[0]
    assert sold.realised_pnl == sold.cost * D(3) / D(5) - bought.cost
    assert [delta.amount for delta in sold.deltas if delta.source == "trade"] == [D("-0.5"), sold.realised_pnl]
    amounts = exchange.amounts()
    assert amounts[position] == D("-0.2")
    fees = bought.fees[0].amount + sold.fees[0].amount
    assert amounts[margin] == opened_with + sold.realised_pnl - fees
    assert bought.fees[0].amount == (bought.cost * exchange.settings.perp_taker).quantize(PENNY, "ROUND_UP")


def test_14_reduce_only_closes_at_most_the_position(exchange: Exchange) -> None:
    exchange.submit(exchange.perp("a", amount=D("0.3")))
    closed = exchange.submit(exchange.perp("b", side="sell", amount=D(1), reduce_only=True))
    assert (closed.status, closed.remaining, closed.code) == ("cancelled", D("0.7"), None)
    assert sum(entry.amount for entry in closed.entries) == D("0.3")
    assert exchange.key("Perp:BTC/USDT:USDT") not in exchange.amounts()


def test_15_an_id_is_refused_while_its_order_is_open_and_taken_again_afterwards(exchange: Exchange) -> None:
    price = exchange.far_below()
    entry = exchange.trade("a", order_type="limit", price=price, amount=D("0.2"))
    assert exchange.submit(entry).status == "open"
    assert isinstance(exchange.submit(entry), Ambiguous)
    exchange.cancel(entry)
    again = exchange.submit(entry)
    assert again.status == "open"
    assert again.venue_order_id != exchange.requests()[1]["venue_order_id"]
    exchange.cancel(entry)

    twice = exchange.trade("b", amount=D("0.1"))
    first, second = exchange.submit(twice), exchange.submit(twice)
    assert first.entries[0].entry_id != second.entries[0].entry_id
    assert [entry.entry_id for entry in exchange.find(twice).entries] == [second.entries[0].entry_id]
    bought = [entry for entry in exchange.entries() if entry.client_order_id == f"{exchange.account}.b"]
    assert sum(entry.amount for entry in bought) == D("0.2")


def test_16_the_price_is_that_of_the_decision_not_of_the_arrival(own_exchange: Exchange) -> None:
    decided = own_exchange.now()
    early = own_exchange.submit(own_exchange.trade("a", decided_at=decided))
    own_exchange.pass_time(3 * 3600)
    late = own_exchange.submit(own_exchange.trade("b", decided_at=decided))
    fresh = own_exchange.submit(own_exchange.trade("c"))
    assert price_of(late) == price_of(early)
    assert price_of(fresh) != price_of(early)


def test_17_funding_is_paid_at_its_times_and_nowhere_else(own_exchange: Exchange) -> None:
    exchange = own_exchange
    exchange.submit(exchange.perp("a", amount=D("0.3")))
    exchange.market_goes_on(24 * 3600 + 60)
    paid = [entry for entry in exchange.entries() if entry.kind == "funding"]
    assert len(paid) == 24 // exchange.rules("BTC/USDT:USDT").funding_hours
    assert {delta.position_key for entry in paid for delta in entry.deltas} == {exchange.key(exchange.margin_money)}
    assert {delta.source for entry in paid for delta in entry.deltas} == {"funding"}
    assert {entry.client_order_id for entry in paid} == {None}
    exchange.submit(exchange.perp("b", side="sell", amount=D("0.3")))
    exchange.market_goes_on(24 * 3600)
    assert len(exchange.entries()) == len(paid) + 2


def test_18_position_keys_are_the_accounts_own_whosever_it_is(exchange: Exchange) -> None:
    found = exchange.submit(exchange.trade("a", strategy_id="other"))
    entry = found.entries[0]
    assert entry.deltas[0].position_key == entry.fees[0].position_key == exchange.key("BaseToken:BTC")
    assert exchange.key("BaseToken:BTC") in exchange.amounts()
    assert exchange.ledger().entries == found.entries


def test_19_what_an_exchange_can_not_do_is_refused_before_it_is_asked(exchange: Exchange) -> None:
    entry = chain_actions(exchange.account, "a", exchange.now(), swap("USDT", "WETH", D(10)))
    answer = exchange.face.drive(exchange.adapter.prepare(entry, None))
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-013"
    assert exchange.requests() == []


def test_20_the_ledger_is_read_from_a_cursor_on(exchange: Exchange) -> None:
    exchange.submit(exchange.trade("a", symbol="ETH/USDT", amount=D(3)))
    whole = exchange.ledger()
    assert [entry.sequence for entry in whole.entries] == [1, 2, 3]
    assert whole.cursor == exchange.positions().cursor == "3"
    rest = exchange.ledger("1")
    assert rest.entries == whole.entries[1:]
    end = exchange.ledger("3")
    assert (end.entries, end.cursor, end.more) == ((), "3", False)
    assert isinstance(exchange.ledger("4"), Unavailable)


def test_21_an_account_can_be_opened_with_balances_of_its_own(exchange: Exchange) -> None:
    exchange.open_with(BaseToken_USDT="100")
    assert exchange.amounts() == {exchange.key(exchange.spot_money): D(100)}
    assert isinstance(exchange.submit(exchange.trade("a", side="sell")), Refused)


def test_22_a_working_order_fills_as_others_come_to_it(exchange: Exchange) -> None:
    price = exchange.far_below()
    entry = exchange.trade("a", order_type="limit", price=price, amount=D("0.2"))
    exchange.submit(entry)
    exchange.fill(entry, amount="0.05")
    part = exchange.find(entry)
    assert (part.status, part.remaining, len(part.entries)) == ("open", D("0.15"), 1)
    exchange.fill(entry)
    assert exchange.find(entry).status == "filled"


def test_23_a_huge_order_meets_a_book_of_finite_depth(exchange: Exchange) -> None:
    exchange.open_with(BaseToken_USDT="1E+9")
    found = exchange.submit(exchange.trade("a", symbol="ETH/USDT", amount=D(200)))
    assert (found.status, len(found.entries), sum(e.amount for e in found.entries)) == ("filled", 100, D(200))


def test_24_what_is_prepared_is_within_the_exchanges_steps_and_says_what_was_rounded_off(exchange: Exchange) -> None:
    rules = exchange.rules("BTC/USDT:USDT")
    off, price = rules.lot / 4, D("20000") + rules.tick / 2
    answer = exchange.prepare(exchange.perp("a", amount=D("0.3") + off, order_type="limit", price=price))
    assert isinstance(answer, Prepared), answer
    order: Any = answer.what
    assert (order.amount, order.rounded_off, order.price) == (D("0.3"), off, D(20_000))
    selling = exchange.prepare(exchange.perp("b", side="sell", order_type="limit", price=price, amount=D("0.3")))
    assert isinstance(selling, Prepared), selling
    assert selling.what.price == D(20_000) + rules.tick  # type: ignore[union-attr]
    assert exchange.submit(exchange.perp("c", amount=D("0.3") + off)).entries[0].amount == D("0.3")


def test_25_a_reduce_only_limit_order_rests_and_closes_no_more_than_the_position(own_exchange: Exchange) -> None:
    exchange = own_exchange
    bought = exchange.submit(exchange.perp("a", amount=D("0.3")))
    limit = exchange.to_tick(price_of(bought) * D("1.004"), "BTC/USDT:USDT")
    entry = exchange.perp("b", side="sell", order_type="limit", price=limit, amount=D("0.5"), reduce_only=True)
    assert exchange.submit(entry).status == "open"

    def done() -> bool:
        exchange.market_goes_on(3600)
        return bool(exchange.find(entry).status != "open")

    exchange.eventually(done, "the market to reach the limit")
    closed = exchange.find(entry)
    assert (closed.status, closed.remaining, [one.amount for one in closed.entries]) == (
        "cancelled",
        D("0.2"),
        [D("0.3")],
    )
    assert exchange.key("Perp:BTC/USDT:USDT") not in exchange.amounts()


def test_26_a_short_perpetual_is_bought_back(exchange: Exchange) -> None:
    sold = exchange.submit(exchange.perp("a", side="sell", amount=D("0.4"))).entries[0]
    assert exchange.amounts()[exchange.key("Perp:BTC/USDT:USDT")] == D("-0.4")
    bought = exchange.submit(exchange.perp("b", amount=D("0.4"), reduce_only=True)).entries[0]
    assert bought.realised_pnl == sold.cost - bought.cost
    assert exchange.key("Perp:BTC/USDT:USDT") not in exchange.amounts()


def test_27_what_margin_cannot_keep_is_liquidated_and_the_ledger_says_so(own_exchange: Exchange) -> None:
    exchange = own_exchange
    probe = price_of(exchange.submit(exchange.trade("probe")))
    exchange = Exchange(exchange.face, exchange.settings, "poor")
    exchange.open_with(MarginBalance_USDT=str((probe * D("0.102")).quantize(D(1))))
    sold = exchange.submit(exchange.perp("a", side="sell", amount=D(1)))
    assert isinstance(sold, OrderFound), sold
    exchange.drift("MarginBalance:USDT", str(-(probe * D("0.1")).quantize(D(1))))

    def liquidated() -> bool:
        exchange.market_goes_on(3600)
        return exchange.key("Perp:BTC/USDT:USDT") not in exchange.amounts()

    exchange.eventually(liquidated, "the next price")
    gone = exchange.entries()[-1]
    assert (gone.kind, gone.client_order_id, gone.amount) == ("transfer", None, 1)
    assert [fee.kind for fee in gone.fees] == ["liquidation"]
    assert exchange.amounts().get(exchange.key(exchange.margin_money), D(0)) >= 0
