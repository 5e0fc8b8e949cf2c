"""Execution cases of an exchange: what becomes of an order when nothing goes wrong but the market."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face
from tests.support.venue_intents import actions as chain_actions
from tests.support.venue_intents import perp, swap, trade

from tightloop.handlers.calls import Ambiguous, NotFound, OrderFound, Refused, Unavailable

D = Decimal
USDT, BTC = "binance:BaseToken:USDT", "binance:BaseToken:BTC"
PERP, MARGIN = "binance:Perp:BTC/USDT:USDT", "binance:MarginBalance:USDT"


def price_of(found: OrderFound) -> Decimal:
    entry = found.entries[0]
    assert entry.cost is not None
    return entry.cost / entry.amount


def far_below(face: Face, account: str) -> Decimal:
    """A price the market won't reach: half of it, in whole ticks."""
    probe = face.submit(trade(account, "probe", face.now()))
    return (price_of(probe) / 2).quantize(D("0.01"))


def test_01_a_market_buy_is_filled_and_its_deltas_are_complete(face: Face, account: str) -> None:
    before = face.amounts("binance", account)
    found = face.submit(trade(account, "a", face.now(), amount=D("0.5")))
    assert isinstance(found, OrderFound), found
    assert (found.status, found.remaining, found.cursor_before, found.cursor_after) == ("filled", 0, "0", "1")
    (entry,) = found.entries
    assert (entry.amount, entry.liquidity, entry.client_order_id) == (D("0.5"), "taker", f"{account}.a")
    assert [(delta.position_key, delta.amount, delta.source) for delta in entry.deltas] == [
        (BTC, D("0.5"), "trade"),
        (USDT, -(entry.cost or 0), "trade"),
        (BTC, D("-0.0005"), "fee"),
    ]
    assert [(fee.position_key, fee.amount) for fee in entry.fees] == [(BTC, D("0.0005"))]
    after = face.amounts("binance", account)
    assert after[BTC] - before[BTC] == D("0.4995")
    assert before[USDT] - after[USDT] == entry.cost


def test_02_a_sell_pays_its_fee_from_the_quote_received(face: Face, account: str) -> None:
    found = face.submit(trade(account, "a", face.now(), side="sell", amount=D("0.5")))
    (entry,) = found.entries
    assert entry.fees[0].position_key == USDT
    assert entry.fees[0].amount == (entry.cost * D("0.001")).quantize(D("1e-8"))


def test_03_an_order_beyond_one_level_fills_in_several_trades_each_worse(face: Face, account: str) -> None:
    found = face.submit(trade(account, "a", face.now(), symbol="ETH/USDT", amount=D("2.5")))
    assert [entry.amount for entry in found.entries] == [1, 1, D("0.5")]
    prices = [entry.cost / entry.amount for entry in found.entries]
    assert prices == sorted(prices)
    assert len(set(prices)) == 3
    assert (found.cursor_before, found.cursor_after) == ("0", "3")


def test_03_a_huge_order_meets_a_book_of_finite_depth(face: Face, account: str) -> None:
    opening = {"lane": "binance", "account": account, "opening": {USDT: "1E+30"}}
    face.control("POST", "/admin/accounts", opening)
    found = face.submit(trade(account, "a", face.now(), symbol="ETH/USDT", amount=D("1E+20")))
    assert (found.status, len(found.entries), sum(e.amount for e in found.entries)) == ("filled", 100, D("1E+20"))


def test_04_a_quote_amount_is_spent_in_whole_lots(face: Face, account: str) -> None:
    found = face.submit(trade(account, "a", face.now(), quote_amount=D(1000)))
    (entry,) = found.entries
    assert found.status == "filled"
    assert D(999) < entry.cost < D("1000.2")
    assert entry.amount % D("0.00001") == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": D("0.000001")}, "EXI-007"),
        ({"amount": D("0.0001")}, "EXI-007"),
        ({"order_type": "limit", "price": D("100.001")}, "EXI-007"),
        ({"order_type": "limit"}, "EXI-007"),
        ({"symbol": "DOGE/USDT"}, "EXI-007"),
        ({"amount": D("-1")}, "EXI-007"),
        ({"amount": D("1E+57")}, "EXI-006"),
        ({"amount": D("1000")}, "EXI-006"),
        ({"market": "perp", "symbol": "BTC/USDT:USDT", "amount": D("5000")}, "EXI-006"),
        ({"market": "perp", "symbol": "BTC/USDT:USDT", "reduce_only": True}, "EXI-007"),
    ],
)
def test_05_a_refused_order_changes_nothing(face: Face, account: str, fields: dict[str, Any], code: str) -> None:
    before = face.amounts("binance", account)
    entry = trade(account, f"a{fields}", face.now(), **fields)
    answer = face.submit(entry)
    assert isinstance(answer, Refused), answer
    assert answer.code == code, answer
    assert face.amounts("binance", account) == before
    assert isinstance(face.find(entry), NotFound)
    assert {request["result"] for request in face.requests(account)} <= {"refused"}


def test_06_a_limit_order_rests_and_fills_as_maker_when_the_market_crosses(own_face: Face) -> None:
    face, account = own_face, "s"
    probe = face.submit(trade(account, "probe", face.now()))
    limit = (price_of(probe) * D("0.995")).quantize(D("0.01"))
    entry = trade(account, "a", face.now(), order_type="limit", price=limit, amount=D("0.2"))
    resting = face.submit(entry)
    assert (resting.status, resting.entries, resting.remaining) == ("open", (), D("0.2"))
    assert [order["client_order_id"] for order in face.control("GET", "/admin/books")["accounts"][0]["orders"]] == [
        "s.probe",
        "s.a",
    ]

    def filled() -> bool:
        face.control("POST", "/admin/clock", {"market_advance_s": 3600})
        return bool(face.find(entry).status == "filled")

    face.eventually(filled, "the market to cross the limit")
    (fill,) = face.find(entry).entries
    assert (fill.liquidity, fill.cost) == ("maker", limit * D("0.2"))


def test_07_a_resting_order_is_cancelled_and_its_funds_are_free_again(face: Face, account: str) -> None:
    price = far_below(face, account)
    held = face.amounts("binance", account)[USDT]
    most = (held / price).quantize(D("0.00001")) - D("0.001")
    entry = trade(account, "a", face.now(), order_type="limit", price=price, amount=most)
    assert face.submit(entry).status == "open"
    assert isinstance(face.submit(trade(account, "b", face.now(), amount=D(1))), Refused)
    cancelled = face.cancel(entry)
    assert (cancelled.status, cancelled.remaining, cancelled.code) == ("cancelled", most, None)
    assert face.find(entry).status == "cancelled"
    assert face.submit(trade(account, "b", face.now(), amount=D(1))).status == "filled"


def test_08_a_cancel_that_comes_too_late_shows_the_fill(face: Face, account: str) -> None:
    entry = trade(account, "a", face.now())
    filled = face.submit(entry)
    assert face.cancel(entry) == replace(filled, as_of=face.now())


def test_09_a_cancel_of_what_never_was_is_not_found(face: Face, account: str) -> None:
    assert isinstance(face.cancel(trade(account, "a", face.now())), NotFound)


def test_10_the_slippage_bound_is_an_ioc_limit(face: Face, account: str) -> None:
    reference = price_of(face.submit(trade(account, "probe", face.now())))
    bound = {"reference_price": reference, "max_slippage_bps": D(1)}
    assert face.submit(trade(account, "a", face.now(), **bound)).status == "filled"
    bound = {"reference_price": (reference / 2).quantize(D("0.01")), "max_slippage_bps": D(10)}
    missed = face.submit(trade(account, "b", face.now(), **bound))
    assert (missed.status, missed.code, missed.entries) == ("cancelled", "EXI-011", ())


def test_11_time_in_force(face: Face, account: str) -> None:
    price = price_of(face.submit(trade(account, "probe", face.now(), symbol="ETH/USDT", amount=D(1))))
    common = {"symbol": "ETH/USDT", "order_type": "limit", "price": price}
    ioc = face.submit(trade(account, "a", face.now(), amount=D(3), time_in_force="IOC", **common))
    assert (ioc.status, ioc.remaining, len(ioc.entries)) == ("cancelled", 2, 1)
    fok = face.submit(trade(account, "b", face.now(), amount=D(3), time_in_force="FOK", **common))
    assert (fok.status, fok.remaining, fok.entries) == ("cancelled", 3, ())
    crossing = face.submit(trade(account, "c", face.now(), amount=D(3), time_in_force="PO", **common))
    assert isinstance(crossing, Refused)
    rest = face.submit(trade(account, "d", face.now(), amount=D(3), time_in_force="GTC", **common))
    assert (rest.status, rest.remaining, len(rest.entries)) == ("open", 2, 1)


def test_12_a_perpetual_realises_its_profit_into_the_margin_balance(face: Face, account: str) -> None:
    bought = face.submit(perp(account, "a", face.now(), amount=D("0.3"))).entries[0]
    assert face.amounts("binance", account)[PERP] == D("0.3")
    sold = face.submit(perp(account, "b", face.now(), side="sell", amount=D("0.5"))).entries[0]
    entry_cost = bought.cost
    exit_value = sold.cost * D(3) / D(5)
    assert sold.realised_pnl == exit_value - entry_cost
    assert [delta.amount for delta in sold.deltas if delta.source == "trade"] == [D("-0.5"), sold.realised_pnl]
    amounts = face.amounts("binance", account)
    assert amounts[PERP] == D("-0.2")
    fees = bought.fees[0].amount + sold.fees[0].amount
    assert amounts[MARGIN] == 1_000_000 + sold.realised_pnl - fees


def test_13_reduce_only_closes_at_most_the_position(face: Face, account: str) -> None:
    face.submit(perp(account, "a", face.now(), amount=D("0.3")))
    closed = face.submit(perp(account, "b", face.now(), side="sell", amount=D(1), reduce_only=True))
    assert (closed.status, closed.remaining, closed.code) == ("cancelled", D("0.7"), None)
    assert sum(entry.amount for entry in closed.entries) == D("0.3")
    assert PERP not in face.amounts("binance", account)


def test_14_an_id_is_refused_while_its_order_is_open_and_taken_again_afterwards(face: Face, account: str) -> None:
    price = far_below(face, account)
    entry = trade(account, "a", face.now(), order_type="limit", price=price, amount=D("0.2"))
    assert face.submit(entry).status == "open"
    assert isinstance(face.submit(entry), Ambiguous)
    face.cancel(entry)
    again = face.submit(entry)
    assert again.status == "open"
    assert again.venue_order_id != face.requests(account)[1]["venue_order_id"]
    face.cancel(entry)

    twice = trade(account, "b", face.now(), amount=D("0.1"))
    first, second = face.submit(twice), face.submit(twice)
    assert first.entries[0].entry_id != second.entries[0].entry_id
    assert [entry.entry_id for entry in face.find(twice).entries] == [second.entries[0].entry_id]
    bought = [entry for entry in face.entries("binance", account) if entry.client_order_id == f"{account}.b"]
    assert sum(entry.amount for entry in bought) == D("0.2")


def test_15_the_price_is_that_of_the_decision_not_of_the_arrival(own_face: Face) -> None:
    decided = own_face.now()
    early = own_face.submit(trade("s", "a", own_face.now(), decided_at=decided))
    own_face.pass_time(3 * 3600)
    late = own_face.submit(trade("s", "b", own_face.now(), decided_at=decided))
    fresh = own_face.submit(trade("s", "c", own_face.now()))
    assert price_of(late) == price_of(early)
    assert price_of(fresh) != price_of(early)


def test_16_funding_is_paid_at_its_times_and_nowhere_else(own_face: Face) -> None:
    face = own_face
    face.submit(perp("s", "a", face.now(), amount=D("0.3")))
    face.control("POST", "/admin/clock", {"market_advance_s": 24 * 3600 + 60})
    paid = [entry for entry in face.entries("binance", "s") if entry.kind == "funding"]
    assert len(paid) == 3
    assert {delta.position_key for entry in paid for delta in entry.deltas} == {MARGIN}
    assert {delta.source for entry in paid for delta in entry.deltas} == {"funding"}
    assert [entry.client_order_id for entry in paid] == [None] * 3
    face.submit(perp("s", "b", face.now(), side="sell", amount=D("0.3")))
    face.control("POST", "/admin/clock", {"market_advance_s": 24 * 3600})
    assert len(face.entries("binance", "s")) == 5


def test_17_position_keys_are_the_accounts_own_whosever_it_is(face: Face, account: str) -> None:
    found = face.submit(trade(account, "a", face.now(), strategy_id="other"))
    entry = found.entries[0]
    assert entry.deltas[0].position_key == entry.fees[0].position_key == "binance:BaseToken:BTC"
    assert "binance:BaseToken:BTC" in face.amounts("binance", account)
    assert face.ledger("binance", account).entries == found.entries


def test_18_what_an_exchange_can_not_do_is_refused_before_it_is_asked(face: Face, account: str) -> None:
    entry = chain_actions(account, "a", face.now(), swap("USDT", "WETH", D(10)))
    answer = face.drive(face.adapters["binance"].prepare(entry, None))
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-013"
    assert face.requests(account) == []


def test_19_the_ledger_is_read_from_a_cursor_on(face: Face, account: str) -> None:
    face.submit(trade(account, "a", face.now(), symbol="ETH/USDT", amount=D(3)))
    whole = face.ledger("binance", account)
    assert [entry.sequence for entry in whole.entries] == [1, 2, 3]
    assert whole.cursor == face.positions("binance", account).cursor == "3"
    rest = face.ledger("binance", account, "1")
    assert rest.entries == whole.entries[1:]
    end = face.ledger("binance", account, "3")
    assert (end.entries, end.cursor, end.more) == ((), "3", False)
    assert isinstance(face.ledger("binance", account, "4"), Unavailable)


def test_20_an_account_can_be_opened_with_balances_of_its_own(face: Face, account: str) -> None:
    face.control("POST", "/admin/accounts", {"lane": "binance", "account": account, "opening": {USDT: "100"}})
    assert face.amounts("binance", account) == {USDT: D(100)}
    assert isinstance(face.submit(trade(account, "a", face.now(), side="sell")), Refused)


def test_21_a_working_order_can_be_filled_by_hand(face: Face, account: str) -> None:
    price = far_below(face, account)
    entry = trade(account, "a", face.now(), order_type="limit", price=price, amount=D("0.2"))
    face.submit(entry)
    order = {"lane": "binance", "account": account, "client_order_id": entry.client_order_id}
    face.control("POST", "/admin/fill", {**order, "amount": "0.05"})
    part = face.find(entry)
    assert (part.status, part.remaining, len(part.entries)) == ("open", D("0.15"), 1)
    face.control("POST", "/admin/fill", order)
    assert face.find(entry).status == "filled"
