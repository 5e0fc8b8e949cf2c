"""The live adapters in process, without Kafka: an interface on each exchange's sandbox, through a journal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.live_face import LIVE, LiveVenue

from tightloop import CEXExecutionInterface, ExecutionError

ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture
def sandbox(venue: LiveVenue, tmp_path: Path) -> Iterator[ExchangeSandbox]:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    made = venue.sandbox(folder)
    yield made
    made.close()


def test_an_order_is_executed_and_reconciled_and_another_process_goes_on(
    venue: LiveVenue, sandbox: ExchangeSandbox, tmp_path: Path
) -> None:
    keys = venue.credentials(sandbox.keys[0])
    how: dict[str, Any] = {"journal": tmp_path / "journal", "endpoint": sandbox.address}
    interface = CEXExecutionInterface(venue.name, keys, "live", **how)
    try:
        with pytest.raises(ExecutionError, match="EIM-014"):
            interface.execute_trade(ORDER)
        interface.adopt(1, "the sandbox's own opening balances")
        bought = interface.execute_trade({**ORDER, "instruction_id": "i1"})
    finally:
        interface.close()
    again = CEXExecutionInterface(venue.name, keys, "live", **how)
    try:
        sold = again.execute_trade({**ORDER, "instruction_id": "i2", "side": "sell"})
    finally:
        again.close()
    assert [one["status"] for one in (bought, sold)] == ["reconciled", "reconciled"], (bought, sold)
    left = Decimal("0.1") * (1 - venue.settings.spot_taker)
    assert bought["execution_deltas"][f"{venue.name}@main:BaseToken:BTC"] == left
    acted = [one for one in sandbox.control("GET", "/admin/requests")["requests"] if one["result"] == "acted"]
    assert len(acted) == 2


def test_what_may_not_be_opened_is_refused_before_anything_is_sent(
    venue: LiveVenue, sandbox: ExchangeSandbox, tmp_path: Path
) -> None:
    keys = venue.credentials(sandbox.keys[0])
    without_journal = {"endpoint": sandbox.address}
    real_money = {"journal": tmp_path / "journal", "endpoint": f"https://{venue.spec.production[0]}"}
    for how, code in ((without_journal, "EIF-013"), (real_money, "EIF-008")):
        with pytest.raises(ExecutionError) as refused:
            CEXExecutionInterface(venue.name, keys, "live", **how)
        assert refused.value.code == code
    assert sandbox.control("GET", "/admin/documents")["asked"] == {}


def test_an_account_in_hedge_mode_and_a_key_that_is_wrong_are_refused_when_it_is_opened(
    venue: LiveVenue, sandbox: ExchangeSandbox, tmp_path: Path
) -> None:
    wrong = {**sandbox.keys[0], "secret": "0" * 64}
    refusals = []
    for number, key in enumerate((wrong, sandbox.keys[1], sandbox.keys[0])):
        hedged = number == 2
        sandbox.control("POST", "/admin/position_mode", {"lane": venue.name, "account": "main", "hedged": hedged})
        with pytest.raises(ExecutionError) as refused:
            CEXExecutionInterface(
                venue.name,
                venue.credentials(key),
                "live",
                journal=tmp_path / f"journal-{number}",
                endpoint=sandbox.address,
            )
        refusals.append(refused.value.code)
    assert refusals == ["EIF-012", "EIF-012", "EIF-010"]
