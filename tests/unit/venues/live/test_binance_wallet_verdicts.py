"""Every row of the table of what Binance's refusals of transfers mean, one by one; and what no row knows."""

from __future__ import annotations

import pytest

from tightloop.errors import CATALOGUE
from tightloop.handlers.calls import Ambiguous, NotSent, Refused
from tightloop.venues.live.binance_wallet_verdicts import VERDICTS
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import Row

CASES = [(row, code) for row in VERDICTS.rows for code in row.codes]
ANSWERS = {"refused": Refused, "not_sent": NotSent}


def said(code: str, message: str = "some words") -> Said:
    if code.startswith("HTTP "):
        return Said(int(code[5:]), None, message, message, None)
    return Said(400, code, message, f'{{"code":{code},"msg":"{message}"}}', None)


@pytest.mark.parametrize(("row", "code"), CASES, ids=[f"{code}-{row.meaning}-{row.says}" for row, code in CASES])
def test_a_row_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    told = said(code, f"Before: {row.says.upper()} after")
    assert VERDICTS.row(told) is row, "no row above it takes it away"
    answer = VERDICTS.of_act(told)
    assert type(answer) is ANSWERS.get(row.meaning, Ambiguous)
    if isinstance(answer, Refused | NotSent):
        assert answer.code == row.code
        assert answer.code in CATALOGUE
    assert row.source.split(":")[0] in ("wallet", "http", "demo")


def test_what_no_row_knows_and_what_may_have_acted_prove_nothing() -> None:
    for told in (said("-9999"), said("-5010"), said("-4027"), said("HTTP 503"), said("HTTP 400")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told
