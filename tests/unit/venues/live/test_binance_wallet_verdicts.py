"""Every row of the table of what Binance's refusals of transfers mean, one by one; and what no row knows."""

from __future__ import annotations

from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.handlers.calls import Ambiguous
from tightloop.venues.live.binance_wallet_verdicts import VERDICTS
from tightloop.venues.live.verdicts import Row


@each_row(VERDICTS)
def test_a_row_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(VERDICTS, row, code, ("wallet", "http", "demo"))


def test_what_no_row_knows_and_what_may_have_acted_prove_nothing() -> None:
    for told in (said("-9999"), said("-5010"), said("-4027"), said("HTTP 503"), said("HTTP 400")):
        assert isinstance(VERDICTS.of_act(told), Ambiguous), told
