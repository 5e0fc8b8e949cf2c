"""Every row of the table of Binance's refusals, one by one; and what no row knows."""

from __future__ import annotations

from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.handlers.calls import Ambiguous, NotSent
from tightloop.venues.live.binance_verdicts import VERDICTS
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import Row


@each_row(VERDICTS)
def test_a_row_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(VERDICTS, row, code, ("spot", "futures", "spot, futures", "http"))


def test_what_no_row_knows_proves_nothing() -> None:
    for told in (said("-9999"), said("HTTP 599"), said("HTTP 400"), said("HTTP 404")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told


def test_after_a_server_error_the_outcome_is_unknown_whatever_it_says() -> None:
    for status in (500, 502, 503, 504):
        assert isinstance(VERDICTS.of_act(Said(status, None, "<html>", "<html>", None)), Ambiguous)
    assert isinstance(VERDICTS.of_act(Said(503, "-1001", "Internal error", "", None)), Ambiguous)


def test_an_overloaded_server_may_have_acted_but_where_it_says_that_it_did_not() -> None:
    """Binance's spot takes an id again once its order has filled: sending again what was filled would fill it twice."""
    busy = "Server is currently overloaded with other requests. Please try again in a few minutes."
    assert isinstance(VERDICTS.of_act(said("-1008", busy)), Ambiguous)
    throttled = "Request throttled by system-level protection. Please try again."
    assert isinstance(VERDICTS.of_act(said("-1008", throttled)), NotSent)


def test_a_ban_says_when_to_come_back() -> None:
    answer = VERDICTS.of_act(Said(418, None, "", "", 120.0))
    assert isinstance(answer, NotSent)
    assert (answer.code, answer.retry_after_s) == ("EXI-002", 120.0)
    question = VERDICTS.of_question(Said(429, "-1003", "Too many requests", "", 1.0))
    assert (question.code, question.message) == ("EXI-002", "-1003: Too many requests")
