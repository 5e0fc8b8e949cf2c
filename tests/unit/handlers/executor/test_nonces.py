"""On a chain the wallet's nonce is the fence: who holds it, and what a refusal of it means."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from tests.unit.handlers.executor.desk import Desk

from tightloop.handlers import calls
from tightloop.testing.scripted import fills, lost

TOO_LOW = calls.Refused("EXI-009", "nonce too low")


def chain() -> Desk:
    return Desk("ethereum").adopted()


def test_nonces_count_up_and_are_read_once() -> None:
    desk = chain()
    for name in ("i1", "i2", "i3"):
        desk.instruct(name)
    assert [one.entry.nonce for one in desk.venue.calls("submit") if one.entry] == [1, 2, 3]
    assert not desk.venue.calls("nonce")


def test_after_a_refusal_the_nonce_is_read_again() -> None:
    desk = chain()
    desk.venue.on("submit", calls.Refused("EXI-010", "gas"))
    desk.instruct()
    desk.instruct("i2")
    assert len(desk.venue.calls("nonce")) == 1
    assert [one.entry.nonce for one in desk.venue.calls("submit") if one.entry] == [1, 1]
    assert desk.result("i2").outcome == "filled"


def test_a_nonce_too_low_may_be_ones_own_success_and_is_looked_up() -> None:
    desk = chain()
    desk.venue.on("submit", lambda venue, entry, gate: [fills()(venue, entry, gate), TOO_LOW][1])
    desk.instruct()
    assert desk.result().outcome == "filled"
    assert desk.books_agree()


def test_a_nonce_that_another_transaction_used_rejects_after_a_second_look() -> None:
    desk = chain()
    desk.venue.books.nonce += 1
    desk.venue.on("submit", TOO_LOW)
    desk.instruct()
    assert not desk.driver.results("i1")
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
    assert [one.entry.nonce for one in desk.venue.calls("submit") if one.entry] == [1, 0]


def test_a_nonce_that_cannot_be_read_is_asked_for_with_pauses_and_then_ends_the_loop() -> None:
    desk = chain()
    desk.venue.on("submit", calls.Refused("EXI-010", "gas"))
    desk.instruct("i0")
    desk.venue.on("nonce", *[calls.Unavailable("EXI-003", "down")] * 1000)
    desk.instruct()
    desk.driver.advance(12)
    result = desk.result()
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "none", "EXI-003")
    assert len(desk.venue.calls("nonce")) < 60
    assert not desk.driver.halts()


def test_a_restart_while_the_nonce_is_asked_for_asks_again() -> None:
    desk = chain()
    desk.venue.on("submit", calls.Refused("EXI-010", "gas"))
    desk.instruct("i0")
    desk.instruct(run=False)
    while desk.driver.run(1) and desk.driver.runner.state(desk.component, "s1", "head", object) is not None:
        head = desk.driver.runner.state(desk.component, "s1", "head", object)
        if getattr(head, "waiting", None):
            break
    desk.driver.restart(desk.component)
    assert desk.result().outcome == "filled"


def test_a_broadcast_that_stays_lost_is_repeated_with_pauses_under_the_same_nonce() -> None:
    desk = chain()
    desk.venue.on("submit", *[lost()] * 20)
    desk.instruct()
    desk.driver.advance(15)
    sent = [one.entry for one in desk.venue.calls("submit") if one.entry]
    assert {entry.nonce for entry in sent} == {1}
    assert 5 < len(sent) < 20
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
    desk.venue.on("submit", calls.Refused("EXI-010", "gas"))
    desk.instruct("i0")
    desk.venue.on("nonce", calls.Nonce(1, desk.driver.now + timedelta(seconds=2)))
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
    assert len({(entry.client_order_id, entry.nonce, entry.attempt) for entry in sent}) == 1


def test_a_successor_takes_what_was_journalled_for_broadcast_though_it_has_expired_since() -> None:
    """Whether it left nobody can tell while its nonce is free: that is no expiry."""
    desk = chain()
    desk.instruct(expires_at=desk.driver.now + timedelta(seconds=2), run=False)
    while desk.intent() is None:
        assert desk.driver.run(1)
    desk.clock.advance(3)
    desk.driver.restart(desk.component)
    desk.driver.advance(100)
    assert (desk.result().status, desk.result().outcome) == ("halted", "unknown")
    assert desk.acted() == 0
