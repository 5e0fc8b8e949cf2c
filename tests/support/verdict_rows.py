"""A live exchange's table of refusals, put to the test row by row."""

from __future__ import annotations

from typing import Any

import pytest

from tightloop.errors import CATALOGUE
from tightloop.handlers.calls import Ambiguous, NotSent, Refused
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import Row, Verdicts

_ANSWERS = {"refused": Refused, "not_sent": NotSent}


def said(code: str, message: str = "some words", retry_after_s: float | None = None) -> Said:
    """``code``: the exchange's own, or ``HTTP 503``."""
    if code.startswith("HTTP "):
        return Said(int(code[5:]), None, message, message, retry_after_s)
    return Said(400, code, message, f'{{"code":{code},"msg":"{message}"}}', retry_after_s)


def each_row(verdicts: Verdicts) -> Any:
    """The parameters ``row`` and ``code`` of a test: each code of each row."""
    cases = [(row, code) for row in verdicts.rows for code in row.codes]
    return pytest.mark.parametrize(
        ("row", "code"), cases, ids=[f"{code}-{row.meaning}-{row.says}" for row, code in cases]
    )


def assert_met(verdicts: Verdicts, row: Row, code: str, sources: tuple[str, ...]) -> None:
    """The row is met by its code and words, and says what the executor is told. ``sources``: names that it may have."""
    told = said(code, f"Before: {row.says.upper()} after")
    assert verdicts.row(told) is row, "no row above it takes it away"
    answer = verdicts.of_act(told)
    assert type(answer) is _ANSWERS.get(row.meaning, Ambiguous)
    if isinstance(answer, Refused | NotSent):
        assert answer.code == row.code
        assert answer.code in CATALOGUE
        assert answer.raw == told.raw
    assert row.source.split(":")[0] in sources
