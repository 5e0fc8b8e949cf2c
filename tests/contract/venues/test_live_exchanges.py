"""The execution cases of the exchanges, run against each live adapter over the sandbox of its exchange.

A case that is not here asks for what only the simulated exchanges have: one ledger with numbered entries, and cursors
in it (01, 03, 17, 18, 20, 40 and 41 in part); a price of the decision (16); their own words in
a refusal (38 has the exchange's here, 44 and 51 its codes).
What one exchange can't do is declared with its reason where it is described (``tests/support/live_face.py``), and such
a case is skipped with those words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.live_face import LIVE, LiveFace, LiveVenue, documented, skip_what_it_lacks

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Ambiguous, NotFound, NotSent, OrderFound, Refused
from tightloop.records.types import JournalEntry

from . import test_fees, test_misbehaviour, test_orders, test_outages, test_restarts, test_transfers
from .exchanges import Exchange, price_of

D = Decimal
NUMBERS = count(1)
Case = Callable[..., None]


class Account(Exchange):
    """Its ids are as long as the executor's: Binance and Bybit take 36 characters, OKX takes 32."""

    def __init__(self, face: LiveFace, account: str) -> None:
        super().__init__(face, face.venue.settings, account)
        self.venue = face.venue
        face.use(self.account)

    def trade(self, name: str, **fields: Any) -> JournalEntry:
        entry = super().trade(name, **fields)
        return replace(entry, client_order_id=blake2b(entry.client_order_id.encode(), digest_size=16).hexdigest())

    def entries(self) -> list[Any]:
        """Of the venue's own books, which have one ledger of everything."""
        found: list[Any] = self.books()["ledger"]
        return found


@pytest.fixture(scope="module", params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture(scope="module")
def face(venue: LiveVenue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFace]:
    with documented(LiveFace(tmp_path_factory.mktemp(venue.name), venue)) as found:
        yield found


@pytest.fixture(autouse=True)
def has_the_case(venue: LiveVenue, request: pytest.FixtureRequest) -> None:
    skip_what_it_lacks(venue, request)


@pytest.fixture
def live(face: LiveFace) -> Iterator[Account]:
    """An account of its own."""
    yield Account(face, f"account-{next(NUMBERS)}")
    face.control("DELETE", "/admin/faults")


@pytest.fixture
def own(venue: LiveVenue, tmp_path: Path) -> Iterator[Account]:
    face = LiveFace(tmp_path, venue)
    yield Account(face, "s")
    face.close()


@pytest.fixture
def impatient(venue: LiveVenue, tmp_path: Path) -> Iterator[Account]:
    """By the real clock, waiting 0.4 s for an answer to what acts."""
    face = LiveFace(tmp_path, venue, manual=False, mutation_timeout_s=0.4)
    yield Account(face, "s")
    face.close()


def cases(*given: Case | tuple[Case, dict[str, Any]]) -> Any:
    pairs = [one if isinstance(one, tuple) else (one, {}) for one in given]
    names = ["-".join([one.__name__.removeprefix("test_")[:40], *map(str, fields.values())]) for one, fields in pairs]
    return pytest.mark.parametrize(("case", "fields"), pairs, ids=names)


# what it does not list, it can't be asked about either
INVALID = tuple(why for why in test_orders.INVALID if why != "no such market")


def each_of(case: Case, *fields: dict[str, Any]) -> list[tuple[Case, dict[str, Any]]]:
    return [(case, one) for one in fields]


def each(case: Case, name: str, *values: Any) -> list[tuple[Case, dict[str, Any]]]:
    return [(case, {name: value}) for value in values]


@cases(
    test_orders.test_02_a_sell_pays_its_fee_from_the_quote_received,
    test_orders.test_04_a_quote_amount_is_spent_in_whole_lots,
    *each(test_orders.test_05_an_invalid_order_is_refused_and_changes_nothing, "why", *INVALID),
    *each(test_orders.test_06_an_order_that_the_account_cannot_pay_for_is_refused, "why", *test_orders.SHORT),
    test_orders.test_08_a_resting_order_is_cancelled_and_its_funds_are_free_again,
    test_orders.test_10_a_cancel_of_what_never_was_is_not_found,
    *each_of(
        test_orders.test_11_the_slippage_bound_is_an_ioc_limit,
        {"side": "buy", "missed_at": "0.5"},
        {"side": "sell", "missed_at": "2"},
    ),
    test_orders.test_13_a_perpetual_realises_its_profit_into_the_margin_balance,
    test_orders.test_14_reduce_only_closes_at_most_the_position,
    test_orders.test_19_what_an_exchange_can_not_do_is_refused_before_it_is_asked,
    test_orders.test_21_an_account_can_be_opened_with_balances_of_its_own,
    test_orders.test_22_a_working_order_fills_as_others_come_to_it,
    test_orders.test_24_what_is_prepared_is_within_the_exchanges_steps_and_says_what_was_rounded_off,
    test_orders.test_25_a_reduce_only_limit_order_rests_and_closes_no_more_than_the_position,
    test_orders.test_26_a_short_perpetual_is_bought_back,
)
def test_an_order(live: Account, case: Case, fields: dict[str, Any]) -> None:
    case(live, **fields)


@cases(
    test_fees.test_58_a_fee_in_a_third_asset_is_a_delta_of_its_own,
    test_fees.test_59_without_enough_of_the_third_asset_the_usual_one_pays,
    *each_of(
        test_fees.test_60_a_rebate_is_a_fee_below_zero_and_its_delta_is_above_zero,
        *[{"market": market, "side": side} for market in ("spot", "perp") for side in ("buy", "sell")],
    ),
    *each(
        test_fees.test_160_amounts_are_base_units_whatever_a_contract_is, "symbol", "BTC/USDT:USDT", "DOGE/USDT:USDT"
    ),
)
def test_what_an_order_costs(live: Account, case: Case, fields: dict[str, Any]) -> None:
    case(live, **fields)


@cases(
    test_restarts.test_28_killed_between_journal_and_submission_nothing_is_found_and_it_acts_once,
    test_restarts.test_30_killed_with_an_order_open_it_is_found_open_and_can_be_cancelled,
    test_restarts.test_52_killed_between_a_cancel_and_its_answer_the_order_is_found_cancelled,
    test_restarts.test_53_a_cancel_that_never_arrived_leaves_the_order_working_and_a_late_fill_is_found,
    test_restarts.test_54_a_cancel_between_two_fills_keeps_the_first_and_stops_the_second,
    test_restarts.test_55_what_fills_while_the_venue_does_not_answer_is_found_afterwards,
)
def test_a_restart(live: Account, case: Case, fields: dict[str, Any]) -> None:
    case(live, **fields)


@cases(
    test_misbehaviour.test_36_down_ends_by_itself,
    test_misbehaviour.test_37_too_many_requests_means_later,
    test_misbehaviour.test_46_a_duplicated_request_hurts_an_exchange,
    test_misbehaviour.test_48_books_drift_and_no_ledger_entry_says_so,
    test_misbehaviour.test_39_an_order_may_be_rejected_after_it_was_taken,
    test_misbehaviour.test_31_the_gate_lets_nothing_out_after_the_send_window,
    *each(
        test_misbehaviour.test_35_down_is_no_evidence_for_what_acts_and_unavailable_for_what_asks, "close", True, False
    ),
    *each_of(
        test_misbehaviour.test_42_an_order_fills_in_part_and_no_further,
        {"rest": "cancel", "status": "cancelled"},
        {"rest": "work", "status": "open"},
    ),
)
def test_misbehaviour_of_the_venue(live: Account, case: Case, fields: dict[str, Any]) -> None:
    case(live, **fields)


@cases(
    test_misbehaviour.test_43_a_late_request_acts_after_its_sender_gave_up,
    test_misbehaviour.test_45_a_late_answer_is_no_answer,
)
def test_a_late_answer(impatient: Account, case: Case, fields: dict[str, Any]) -> None:
    case(impatient, **fields)


@cases(
    test_outages.test_161_maintenance_is_no_evidence_and_afterwards_everything_is_as_it_was,
    test_outages.test_162_in_hedge_mode_no_perpetual_is_traded,
    test_outages.test_163_a_clock_that_is_off_by_more_than_the_windows_sends_nothing_that_acts,
)
def test_an_outage(live: Account, case: Case, fields: dict[str, Any]) -> None:
    case(live, **fields)


def test_case_162_a_lane_in_hedge_mode_is_not_opened(live: Account) -> None:
    live.face.drive(live.adapter.open())
    live.set_position_mode(hedged=True)
    with pytest.raises(ExecutionError, match="hedge mode") as refused:
        live.face.drive(live.adapter.open())
    assert refused.value.code == "EIF-010"


def test_case_164_a_ban_is_waited_out_and_nothing_is_asked_meanwhile(impatient: Account) -> None:
    impatient.prepare(impatient.trade("warm"))
    test_outages.test_164_a_ban_is_waited_out_and_nothing_is_lost(impatient)
    (ban,) = impatient.face.control("GET", "/admin/faults")
    assert ban["struck"] <= 2, "once at spot, and once at futures, whose limits are their own: then both keep quiet"


def test_case_01_a_market_buy_is_filled_and_its_deltas_are_complete(live: Account) -> None:
    btc, usdt, fee = live.key("BaseToken:BTC"), live.key(live.spot_money), D("0.5") * live.settings.spot_taker
    before = live.amounts()
    entry = live.prepared(live.trade("a", amount=D("0.5")))
    found = live.submit(entry)
    assert (found.status, found.remaining, found.cursor_before, found.cursor_after) == ("filled", 0, None, None)
    (trade,) = found.entries
    assert (trade.amount, trade.liquidity, trade.client_order_id) == (D("0.5"), "taker", entry.client_order_id)
    assert [(delta.position_key, delta.amount, delta.source) for delta in trade.deltas] == [
        (btc, D("0.5"), "trade"),
        (usdt, -(trade.cost or 0), "trade"),
        (btc, -fee, "fee"),
    ]
    after = live.amounts()
    assert (after[btc] - before[btc], before[usdt] - after[usdt]) == (D("0.5") - fee, trade.cost)
    assert live.find(entry).entries == found.entries, "what an order did is told in the same words later"


def test_case_05_a_market_that_is_not_listed_is_refused_before_anything_is_sent(live: Account) -> None:
    for fields in ({"symbol": "NONE/USDT"}, {"symbol": "BTC/USDT", "market": "perp"}):
        answer = live.prepare(live.trade("a", **fields))
        assert isinstance(answer, Refused)
        assert answer.code == "EXI-007"


def test_case_09_a_cancel_that_comes_too_late_shows_the_fill(live: Account) -> None:
    entry = live.prepared(live.trade("a"))
    filled = live.submit(entry)
    assert live.cancel(entry).entries == filled.entries


def test_case_12_each_time_in_force_fills_rests_or_cancels_as_it_says(live: Account) -> None:
    price = price_of(live.submit(live.trade("probe")))

    def limit(name: str, at: Decimal, **fields: Any) -> Any:
        return live.submit(live.trade(name, order_type="limit", price=at, **fields))

    for name in ("IOC", "FOK", "GTC"):
        assert limit(name, price, time_in_force=name).status == "filled"
    away = live.to_tick(price / 2)
    for name in ("IOC", "FOK"):
        ended = limit(f"{name} away", away, time_in_force=name)
        assert (ended.status, ended.entries, ended.code) == ("cancelled", (), "EXI-011")
    crossing = limit("crossing", price, time_in_force="PO")
    if live.venue.ends_post_only:
        assert (crossing.status in ("cancelled", "rejected"), crossing.entries, crossing.code) == (True, (), "EXI-007")
    else:
        assert isinstance(crossing, Refused)
    assert limit("passive", away, time_in_force="PO").status == "open"


def test_case_15_an_id_is_refused_while_its_order_is_open_and_afterwards_as_the_exchange_does_it(live: Account) -> None:
    entry = live.prepared(live.trade("a", order_type="limit", price=live.far_below(), amount=D("0.2")))
    assert live.submit(entry).status == "open"
    assert isinstance(live.submit(entry), Ambiguous), "it is there: only asking tells how it stands"
    live.cancel(entry)
    again = live.submit(entry)
    assert again.status == "open" if live.venue.takes_ids_again else isinstance(again, Ambiguous), again
    perpetual = live.prepared(live.perp("b", order_type="limit", price=D(20_000), amount=D("0.2")))
    assert live.submit(perpetual).status == "open"
    assert isinstance(live.submit(perpetual), Ambiguous)


def test_case_17_funding_is_told_by_the_ledger_once_and_late_entries_are_not_missed(own: Account) -> None:
    own.submit(own.perp("a", amount=D("0.3")))
    begun = own.positions().cursor
    assert own.ledger(begun).entries == ()
    own.market_goes_on(8 * 3600 + 60)
    first = own.ledger(begun)
    assert [(one.kind, one.deltas[0].position_key, one.deltas[0].source) for one in first.entries] == [
        ("funding", own.key(own.margin_money), "funding")
    ]
    own.market_goes_on(8 * 3600)
    second = own.ledger(first.cursor)
    assert len(second.entries) == 1, "of what was told already nothing comes again"
    assert own.ledger(second.cursor).entries == ()
    assert own.ledger(begun).entries == (*first.entries, *second.entries), "an old cursor still tells all since"


@pytest.mark.parametrize("fault", ["lost_after", "timeout_after"])
def test_case_33_an_order_whose_answer_was_lost_is_found_as_it_filled(live: Account, fault: str) -> None:
    for name, entry in (("spot", live.prepared(live.trade("a"))), ("perp", live.prepared(live.perp("b")))):
        live.fault(fault, count=1)
        assert isinstance(live.submit(entry), Ambiguous), name
        live.reconnect()  # as after a restart of the executor
        found = live.find(entry)
        assert (found.status, len(found.entries)) == ("filled", 1), name
    assert [request["result"] for request in live.requests()] == ["acted", "acted"]


@pytest.mark.parametrize("fault", ["lost_before", "timeout_before"])
def test_case_34_an_order_whose_request_was_lost_is_not_found(live: Account, fault: str) -> None:
    live.fault(fault, count=1)
    entry = live.prepared(live.trade("a"))
    assert isinstance(live.submit(entry), Ambiguous)
    assert isinstance(live.find(entry), NotFound)
    assert live.submit(entry).status == "filled"
    assert [request["result"] for request in live.requests()] == ["dropped", "acted"]


def test_case_38_a_rejection_is_certain(live: Account) -> None:
    live.fault("reject", count=1, message="Market is closed.")
    entry = live.prepared(live.trade("a"))
    answer = live.submit(entry)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.message) == ("EXI-001", f"{live.venue.closed}: Market is closed.")
    assert live.venue.closed in (answer.raw or ""), "the venue's own words come along"
    assert isinstance(live.find(entry), NotFound)


def test_case_40_an_order_fills_in_parts_over_time(live: Account) -> None:
    live.fault("partial", count=1, fill="0.25", parts=3, every_s=2)
    entry = live.prepared(live.trade("a", amount=D("0.8")))
    first = live.submit(entry)
    assert (first.status, first.remaining) == ("open", D("0.6"))
    assert [one.amount for one in live.find(entry).entries] == [D("0.2")]
    live.pass_time(2)
    assert live.find(entry).remaining == D("0.4")
    live.pass_time(4)
    done = live.find(entry)
    assert (done.status, [part.amount for part in done.entries]) == ("filled", [D("0.2")] * 4)


@pytest.mark.parametrize("market", ["spot", "perp"])
def test_case_44_a_request_later_than_the_acceptance_window_never_acts(impatient: Account, market: str) -> None:
    impatient.fault("late_before", count=1, delay_s=2.1)
    entry = impatient.prepared(impatient.trade("a") if market == "spot" else impatient.perp("a"))
    assert isinstance(impatient.submit(entry), Ambiguous)
    impatient.pass_time(2.3)
    assert isinstance(impatient.find(entry), NotFound)
    assert impatient.books()["ledger"] == []


def test_case_49_a_restart_of_the_venue_keeps_the_open_order(own: Account) -> None:
    entry = own.prepared(own.trade("b", order_type="limit", price=own.far_below(), amount=D("0.2")))
    own.submit(entry)
    held = own.amounts()
    own.restart()
    assert own.amounts() == held
    assert own.find(entry).status == "open"
    assert own.cancel(entry).status == "cancelled"


def test_case_51_a_signed_time_that_the_venue_does_not_take_was_not_sent(live: Account) -> None:
    now = live.now()

    class Signs:
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        def pass_through(self) -> datetime:
            return now + timedelta(seconds=self.seconds)

    entry = live.prepared(live.trade("a"))
    words, too_old, ahead = live.venue.untimely
    for seconds, code in ((-2.5, too_old), (1.5, ahead)):
        answer = live.submit_through(entry, Signs(seconds))
        assert isinstance(answer, NotSent), answer
        assert (answer.code, answer.message[: len(words)]) == (code, words)
    assert isinstance(live.find(entry), NotFound)
    assert isinstance(live.submit_through(entry, Signs(0.5)), OrderFound)


def test_what_an_exchange_lacks_is_a_case_of_this_page(venue: LiveVenue) -> None:
    from . import test_live_transfers  # which takes its accounts from here

    known = {
        name
        for part in (test_fees, test_misbehaviour, test_orders, test_outages, test_restarts)
        for name in (*vars(part), *vars(test_transfers), *vars(test_live_transfers))
    } | set(globals())
    assert set(venue.lacks) <= known
