"""What commands print."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tightloop.cli.output import error_words, table
from tightloop.client.plain import amount, as_data
from tightloop.records.types import ErrorInfo


@pytest.mark.parametrize(
    ("number", "text"),
    [("0.100000000000000000", "0.1"), ("1E+3", "1000"), ("-0.00", "0"), ("100", "100"), ("1e-18", f"0.{'0' * 17}1")],
)
def test_an_amount_has_all_its_digits_and_no_exponent(number: str, text: str) -> None:
    assert amount(Decimal(number)) == text


def test_records_become_plain_data() -> None:
    found = as_data(
        {
            "error": ErrorInfo(code="EIM-011", message="halted", severity="HIGH"),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "bytes": b"\x00\x01",
            "amounts": (Decimal("1.50"), None, True),
        }
    )
    assert found == {
        "error": {"code": "EIM-011", "message": "halted", "severity": "HIGH"},
        "at": "2026-01-01T00:00:00.000000Z",
        "bytes": "AAE=",
        "amounts": ["1.5", None, True],
    }


def test_a_table_in_a_pipe_is_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    table(["key", "lag"], [("strategy-1", 0), ("s2", None)])
    assert capsys.readouterr().out.splitlines() == ["key         lag", "strategy-1  0", "s2          -"]


def test_an_error_is_told_with_its_code_once() -> None:
    bare = ErrorInfo(code="REC-002", message="positions differ", severity="HIGH")
    told = ErrorInfo(code="REC-002", message="REC-002 a:b:c: expected 1", severity="HIGH")
    assert error_words(bare) == "REC-002 positions differ"
    assert error_words(told) == "REC-002 a:b:c: expected 1"
