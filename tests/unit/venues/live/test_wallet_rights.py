"""What keys of Bybit and OKX may do where a lane withdraws, and what those exchanges' refusals of transfers mean."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.verdict_rows import assert_met, each_row, said

from tightloop.errors import ExecutionError
from tightloop.handlers.calls import Ambiguous, Refused
from tightloop.venues.live import bybit_rights, okx_rights
from tightloop.venues.live import bybit_wallet_verdicts as bybit_verdicts
from tightloop.venues.live import okx_wallet_verdicts as okx_verdicts
from tightloop.venues.live.verdicts import Row, Verdicts

# --- Bybit ------------------------------------------------------------------------------------------------------------

KEY = {"readOnly": 0, "isMaster": True}
TRADING = {"Spot": ["SpotTrade"], "ContractTrade": ["Order", "Position"]}
ABLE = TRADING | {"Wallet": ["AccountTransfer", "Withdraw"]}


def test_a_key_of_bybit_may_withdraw_where_the_lane_does_and_nowhere_else() -> None:
    bybit_rights.check_rights("bybit", KEY | {"permissions": ABLE}, trades=True, withdraws=True)
    bybit_rights.check_rights("bybit", KEY | {"permissions": TRADING}, trades=True, withdraws=False)
    bybit_rights.check_rights("bybit", KEY | {"permissions": TRADING, "readOnly": 1}, trades=False, withdraws=True)


@pytest.mark.parametrize(
    ("changed", "trades", "withdraws", "words"),
    [
        ({"permissions": ABLE}, True, False, "may withdraw, and the lane has no withdraws_to"),
        ({"permissions": ABLE, "readOnly": 1}, False, True, "may withdraw, and is to read only"),
        ({"permissions": TRADING}, True, True, "may not withdraw"),
        ({"permissions": ABLE, "isMaster": False}, True, True, "is a subaccount's"),
        ({"permissions": TRADING}, False, False, "is to read only, and may trade"),
        ({"permissions": {"Spot": ["SpotTrade"]}}, True, False, "may not trade"),
    ],
)
def test_a_key_of_bybit_with_other_rights_is_refused(changed: Any, trades: bool, withdraws: bool, words: str) -> None:
    with pytest.raises(ExecutionError, match=words) as refused:
        bybit_rights.check_rights("bybit", KEY | changed, trades=trades, withdraws=withdraws)
    assert refused.value.code == "EIF-012"


@each_row(Verdicts(bybit_verdicts.OWN))
def test_a_row_of_bybit_s_own_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(bybit_verdicts.VERDICTS, row, code, ("errors", "asset"))


def test_what_no_row_of_bybit_knows_and_what_may_be_a_used_id_prove_nothing() -> None:
    for told in (said("999999"), said("10014"), said("10001"), said("131001"), said("10000"), said("HTTP 502")):
        assert isinstance(bybit_verdicts.VERDICTS.of_act(told), Ambiguous), told
    assert isinstance(bybit_verdicts.VERDICTS.of_act(said("10005")), Refused), "what holds for any request holds here"


# --- OKX --------------------------------------------------------------------------------------------------------------


def test_a_key_of_okx_may_withdraw_where_the_lane_does_and_nowhere_else() -> None:
    okx_rights.check_rights("okx", "read_only,trade,withdraw", trades=True, withdraws=True)
    okx_rights.check_rights("okx", "read_only,trade", trades=True, withdraws=False)
    okx_rights.check_rights("okx", "read_only", trades=False, withdraws=True)


@pytest.mark.parametrize(
    ("perm", "trades", "withdraws", "words"),
    [
        ("read_only,trade,withdraw", True, False, "may withdraw, and the lane has no withdraws_to"),
        ("read_only,withdraw", False, True, "may withdraw, and is to read only"),
        ("read_only,trade", True, True, "may not withdraw"),
        ("read_only,trade", False, False, "is to read only, and may trade"),
        ("read_only", True, False, "may not trade"),
    ],
)
def test_a_key_of_okx_with_other_rights_is_refused(perm: str, trades: bool, withdraws: bool, words: str) -> None:
    with pytest.raises(ExecutionError, match=words) as refused:
        okx_rights.check_rights("okx", perm, trades=trades, withdraws=withdraws)
    assert refused.value.code == "EIF-012"


@each_row(Verdicts(okx_verdicts.OWN))
def test_a_row_of_okx_s_own_is_met_by_its_code_and_words(row: Row, code: str) -> None:
    assert_met(okx_verdicts.VERDICTS, row, code, ("funding",))


def test_what_no_row_of_okx_knows_and_what_may_be_a_used_id_prove_nothing() -> None:
    for told in (said("999999"), said("51000"), said("58112"), said("50026"), said("HTTP 502")):
        assert isinstance(okx_verdicts.VERDICTS.of_act(told), Ambiguous), told
    assert isinstance(okx_verdicts.VERDICTS.of_act(said("50120")), Refused), "what holds for any request holds here"
