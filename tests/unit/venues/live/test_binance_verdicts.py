"""Every row of the table of Binance's refusals, one by one; and what no row knows."""

from __future__ import annotations

import pytest

from tightloop.errors import CATALOGUE
from tightloop.handlers.calls import Ambiguous, NotSent, Refused
from tightloop.venues.live.binance_verdicts import VERDICTS
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import Row

CASES = [(row, code) for row in VERDICTS.rows for code in row.codes]
ANSWERS = {"refused": Refused, "not_sent": NotSent}


def said(code: str, message: str = "some words", retry_after_s: float | None = None) -> Said:
    if code.startswith("HTTP "):
        return Said(int(code[5:]), None, message, message, retry_after_s)
    return Said(400, code, message, f'{{"code":{code},"msg":"{message}"}}', retry_after_s)


@pytest.mark.parametrize(("row", "code"), CASES, ids=[f"{code}-{row.meaning}-{row.says}" for row, code in CASES])
def test_a_row_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    told = said(code, f"Before: {row.says.upper()} after")
    assert VERDICTS.row(told) is row, "no row above it takes it away"
    answer = VERDICTS.of_act(told)
    assert type(answer) is ANSWERS.get(row.meaning, Ambiguous)
    if isinstance(answer, Refused | NotSent):
        assert answer.code == row.code
        assert answer.code in CATALOGUE
        assert answer.raw == told.raw
    assert row.source.split(":")[0] in ("spot", "futures", "spot, futures", "http")


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
