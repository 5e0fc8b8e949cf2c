"""On a chain the wallet's nonce is the fence: who holds it, and what a refusal of it means."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

from msgspec.structs import replace
from tests.unit.handlers.executor.desk import Desk

from tightloop.handlers import calls
from tightloop.records.types import JournalEntry
from tightloop.testing import ScriptedVenue
from tightloop.testing.driver import START
from tightloop.testing.scripted import fills, lost, rests
from tightloop.venues.adapter import ClockGate

REPLACE_S = 30.0  # how long a transaction may be pending before its fees are raised
OPEN = ClockGate(lambda: START, START, timedelta(0), None)
TOO_LOW = calls.Refused("EXI-009", "nonce too low")


def chain() -> Desk:
    return Desk("ethereum").adopted()


def test_nonces_count_up() -> None:
    desk = chain()
    for name in ("i1", "i2", "i3"):
        desk.instruct(name)
    assert desk.nonces() == [1, 2, 3]


def test_a_node_that_lags_is_told_the_least_nonce_that_is_known_to_be_free() -> None:
    desk = chain()
    desk.venue.books.nonce -= 1
    desk.instruct()
    assert desk.nonces() == [1]


def test_after_a_refusal_the_nonce_is_free_again() -> None:
    desk = chain()
    desk.venue.on("submit", calls.Refused("EXI-010", "gas"))
    desk.instruct()
    desk.instruct("i2")
    assert desk.nonces() == [1, 1]
    assert desk.result("i2").outcome == "filled"


def test_what_cannot_be_prepared_is_rejected_before_anything_is_journalled_to_be_sent() -> None:
    desk = chain()
    desk.venue.on("prepare", calls.Refused("EXI-008", "slippage_limit", raw='{"code": "slippage_limit"}'))
    desk.instruct()
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rejected", "EXI-008")
    assert not desk.venue.calls("submit") and desk.audit() == ["refused", "finished"]
    refused = next(one for one in desk.driver.records("execution_audit") if one.event == "refused")
    assert refused.answer == '{"code": "slippage_limit"}'
    desk.instruct("i2")
    assert (desk.result("i2").outcome, desk.nonces()) == ("filled", [1])


def test_a_transaction_that_stays_pending_is_replaced_by_one_with_higher_fees() -> None:
    desk = chain()
    desk.venue.on("submit", rests(), rests())
    desk.instruct()
    desk.driver.advance(REPLACE_S + 3)
    sent = [one.entry.submissions[-1] for one in desk.venue.calls("submit") if one.entry]
    assert [one.kind for one in sent] == ["first", "bump"] and set(desk.nonces()) == {1}
    entry = desk.intent()
    assert entry is not None and [one.kind for one in entry.submissions] == ["first", "bump"], "both are asked for"
    assert sent[1].transaction.data == sent[0].transaction.data
    assert sent[1].transaction.max_fee_per_gas >= sent[0].transaction.max_fee_per_gas * D("1.1")
    desk.driver.advance(REPLACE_S + 3)
    assert desk.result().outcome == "filled" and desk.acted() == 3 and desk.books_agree()


def test_whichever_sibling_is_mined_is_the_evidence() -> None:
    desk = chain()
    desk.venue.on("submit", rests(), lost())
    desk.instruct()
    desk.driver.advance(REPLACE_S + 3)
    first = next(one.entry for one in desk.venue.calls("submit") if one.entry)
    fills()(desk.venue, first, OPEN)
    desk.driver.advance(3)
    assert desk.result().outcome == "filled" and desk.books_agree()
    report = desk.reports()[-1]
    assert report.tx_hash is not None


def test_no_fee_is_raised_after_the_instruction_has_expired() -> None:
    desk = chain()
    desk.venue.on("submit", rests())
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=REPLACE_S - 5))
    desk.driver.advance(REPLACE_S + 60)
    kinds = [one.entry.submissions[-1].kind for one in desk.venue.calls("submit") if one.entry]
    assert kinds == ["first", "cancel"]
    assert desk.result().outcome == "cancelled" and desk.books_agree()


def test_what_is_mined_is_not_over_before_it_is_deep_enough_and_may_go_away_again() -> None:
    desk = chain()
    mined = lambda venue, entry, gate: calls.OrderFound("open", venue.clock.now(), confirmations=1)  # noqa: E731
    desk.venue.on("submit", mined)
    desk.venue.on("find", *[mined] * 3, lambda venue, entry, gate: venue.books.find(entry))
    desk.instruct()
    assert not desk.driver.results("i1")
    desk.driver.advance(20)  # a reorg took its block: it is sent once more, the same
    assert desk.result().outcome == "filled" and desk.acted() == 1
    assert len({one.entry.submissions[-1].transaction.tx_hash for one in desk.venue.calls("submit") if one.entry}) == 1


def test_a_nonce_too_low_may_be_ones_own_success_and_is_looked_up() -> None:
    desk = chain()
    desk.venue.on("submit", lambda venue, entry, gate: [fills()(venue, entry, gate), TOO_LOW][1])
    desk.instruct()
    assert desk.result().outcome == "filled"
    assert desk.books_agree()


def test_a_nonce_that_another_transaction_used_rejects() -> None:
    desk = chain()
    desk.venue.on("submit", lambda venue, entry, gate: [setattr(venue.books, "nonce", 2), TOO_LOW][1])
    desk.instruct()
    desk.driver.advance(2)
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rejected", "EXI-009")
    desk.instruct("i2")
    assert desk.result("i2").outcome == "filled"


def test_a_nonce_that_was_too_high_is_replaced_when_nothing_has_left() -> None:
    desk = chain()
    desk.venue.books.nonce -= 1  # a block is gone, and with it the transaction that had the nonce before
    desk.venue.on("submit", calls.Refused("EXI-009", "nonce too high"))
    desk.instruct()
    desk.driver.advance(2)
    assert desk.result().outcome == "filled"
    assert desk.nonces() == [1, 0]


def test_what_may_have_left_keeps_its_nonce_though_a_block_is_gone() -> None:
    desk = chain()
    desk.venue.books.nonce -= 1
    desk.venue.on("submit", lost(), lost())
    desk.instruct()
    desk.driver.advance(10)
    assert desk.result().outcome == "filled" and desk.acted() == 1
    assert set(desk.nonces()) == {1} and len(desk.nonces()) == 3


def test_what_cannot_be_read_is_asked_for_with_pauses_and_then_ends_the_loop() -> None:
    desk = chain()
    desk.venue.on("prepare", *[calls.Unavailable("EXI-003", "down")] * 1000)
    desk.instruct()
    desk.driver.advance(12)
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "none", "EXI-003")
    assert len(desk.venue.calls("prepare")) < 60
    assert not desk.driver.halts()


def test_a_restart_while_it_is_being_prepared_prepares_it_again() -> None:
    """At once: what was asked before is answered to nobody, and a pause before the next try has lost its reason."""
    desk = chain()
    desk.venue.on("prepare", calls.Unavailable("EXI-003", "no connection"))
    desk.instruct()
    entry = desk.intent()
    assert entry is not None and entry.status == "preparing" and entry.next_try_at and not entry.submissions
    desk.driver.restart(desk.component)
    assert desk.result().outcome == "filled"


def test_a_broadcast_that_stays_lost_is_repeated_with_pauses_under_the_same_nonce() -> None:
    desk = chain()
    desk.venue.on("submit", *[lost()] * 20)
    desk.instruct()
    desk.driver.advance(15)
    assert set(desk.nonces()) == {1}
    assert 5 < len(desk.nonces()) < 20
    desk.driver.advance(60)
    assert desk.result().outcome == "filled"
    assert desk.acted() == 1


def test_tries_that_are_known_not_to_have_left_never_make_an_outcome_unknown() -> None:
    desk = chain()
    desk.venue.on("submit", *[calls.NotSent("EXI-003", "no connection")] * 1000)
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=20))
    desk.driver.advance(25)
    assert (desk.result().status, desk.result().outcome) == ("expired", "none")
    assert not desk.driver.halts()


def test_a_venue_whose_clock_is_ahead_of_ours_is_sent_nothing() -> None:
    desk = chain()

    def ahead(venue: ScriptedVenue, entry: JournalEntry, gate: object) -> calls.Prepared:
        return replace(venue.books.prepare(entry, 1), as_of=venue.clock.now() + timedelta(seconds=2))

    desk.venue.on("prepare", ahead)
    desk.instruct()
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "none", "EXI-015")
    assert desk.acted() == 0


def test_an_intent_keeps_its_id_and_hash_through_every_broadcast() -> None:
    desk = chain()
    desk.venue.on("submit", lost(), lost())
    desk.instruct()
    desk.driver.advance(10)
    sent = [replace(one.entry, journalled_at=desk.clock.now()) for one in desk.venue.calls("submit") if one.entry]
    assert len({(one.client_order_id, one.attempt, one.submissions[-1].transaction.tx_hash) for one in sent}) == 1


def expired_in_hand() -> Desk:
    """A successor finds in the journal what was to be sent, and has expired since. Did it leave? Nobody can tell."""
    desk = chain()
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=2), run=False)
    desk.run_until_journalled()
    desk.clock.advance(3)
    return desk


def test_what_may_have_left_and_has_expired_has_its_nonce_taken() -> None:
    desk = expired_in_hand()
    desk.driver.restart(desk.component)
    desk.driver.advance(10)
    assert (desk.result().status, desk.result().outcome) == ("reconciled", "cancelled")
    assert desk.acted() == 0 and desk.books_agree()


def test_where_the_nonce_cannot_be_taken_it_is_unknown_and_no_expiry() -> None:
    desk = expired_in_hand()
    desk.venue.on("replace", *[calls.Refused("EXI-010", "above max_fee")] * 5000)
    desk.driver.restart(desk.component)
    desk.driver.advance(100)
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert desk.acted() == 0
