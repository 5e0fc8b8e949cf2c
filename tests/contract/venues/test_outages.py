"""Execution cases of an exchange that takes nothing for a while, or not from this account or this clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tightloop.handlers.calls import Ambiguous, NotFound, NotSent, Refused, Unavailable
from tightloop.venues.sim.books import VenueError

from .exchanges import Exchange

D = Decimal
BAN_S = 1.5


def test_161_maintenance_is_no_evidence_and_afterwards_everything_is_as_it_was(exchange: Exchange) -> None:
    resting = exchange.prepared(exchange.trade("r", order_type="limit", price=exchange.far_below(), amount=D("0.2")))
    assert exchange.submit(resting).status == "open"
    entry = exchange.prepared(exchange.trade("a"))
    before = len(exchange.entries())
    exchange.fault("maintenance")
    assert isinstance(exchange.submit(entry), Ambiguous | NotSent), "certain is nothing: it may have begun just then"
    assert isinstance(exchange.cancel(resting), Ambiguous | NotSent)
    for answer in (exchange.find(entry), exchange.find(resting), exchange.positions(), exchange.ledger()):
        assert isinstance(answer, Unavailable)
    exchange.no_faults()
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.find(resting).status == "open"
    assert exchange.submit(entry).status == "filled"
    assert len(exchange.entries()) == before + 1


def test_162_in_hedge_mode_no_perpetual_is_traded(exchange: Exchange) -> None:
    exchange.set_position_mode(hedged=True)
    entry = exchange.prepared(exchange.perp("a", amount=D("0.01")))
    answer = exchange.submit(entry)
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-007"
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.submit(exchange.trade("b")).status == "filled", "spot has no position mode"
    exchange.set_position_mode(hedged=False)
    assert exchange.submit(entry).status == "filled"
    with pytest.raises((VenueError, AssertionError), match="with positions or open orders"):
        exchange.set_position_mode(hedged=True)


def test_163_a_clock_that_is_off_by_more_than_the_windows_sends_nothing_that_acts(exchange: Exchange) -> None:
    now, settings = exchange.now(), exchange.settings

    class Signs:
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        def pass_through(self) -> datetime:
            return now + timedelta(seconds=self.seconds)

    behind, ahead = settings.acceptance_window_s, settings.ahead_window_s
    entry = exchange.prepared(exchange.trade("a"))
    for seconds, code in ((-behind - 0.5, "EXI-001"), (ahead + 0.5, "EXI-015")):
        answer = exchange.submit_through(entry, Signs(seconds))
        assert isinstance(answer, NotSent), answer
        assert answer.code == code
    assert isinstance(exchange.find(entry), NotFound)
    for name, seconds in (("b", -behind / 2), ("c", ahead / 2)):
        assert exchange.submit_through(exchange.prepared(exchange.trade(name)), Signs(seconds)).status == "filled"


def test_164_a_ban_is_waited_out_and_nothing_is_lost(slow_exchange: Exchange) -> None:
    exchange = slow_exchange
    entry = exchange.prepared(exchange.trade("a"))
    exchange.fault("ban", duration_s=BAN_S)
    answer = exchange.submit(entry)
    assert isinstance(answer, NotSent)
    assert (answer.code, 0 < answer.retry_after_s <= BAN_S + 1) == ("EXI-002", True)
    for answer in (exchange.find(entry), exchange.positions(), exchange.ledger()):
        assert isinstance(answer, Unavailable)
    exchange.pass_time(BAN_S + 1)
    assert isinstance(exchange.find(entry), NotFound)
    assert exchange.submit(entry).status == "filled"
    assert [one["result"] for one in exchange.requests()][-1] == "acted"
    assert len(exchange.entries()) == 1
