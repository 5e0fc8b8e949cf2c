"""Binance's live adapter in process, without Kafka: an interface on the sandbox of Binance, through a journal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.binance_sandbox import BinanceSandbox
from tests.support.live_face import credentials_of

from tightloop import CEXExecutionInterface, ExecutionError

ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[BinanceSandbox]:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    made = BinanceSandbox(folder)
    yield made
    made.close()


def test_an_order_is_executed_and_reconciled_and_another_process_goes_on(
    sandbox: BinanceSandbox, tmp_path: Path
) -> None:
    how = {"journal": tmp_path / "journal", "endpoint": sandbox.address}
    keys = credentials_of(sandbox.keys[0])
    binance = CEXExecutionInterface("binance", keys, "live", **how)
    try:
        with pytest.raises(ExecutionError, match="EIM-014"):
            binance.execute_trade(ORDER)
        binance.adopt(1, "the sandbox's own opening balances")
        bought = binance.execute_trade({**ORDER, "instruction_id": "i1"})
    finally:
        binance.close()
    again = CEXExecutionInterface("binance", keys, "live", **how)
    try:
        sold = again.execute_trade({**ORDER, "instruction_id": "i2", "side": "sell"})
    finally:
        again.close()
    assert [one["status"] for one in (bought, sold)] == ["reconciled", "reconciled"], (bought, sold)
    assert bought["execution_deltas"]["binance@main:BaseToken:BTC"] == Decimal("0.0999")
    acted = [one for one in sandbox.control("GET", "/admin/requests")["requests"] if one["result"] == "acted"]
    assert len(acted) == 2
