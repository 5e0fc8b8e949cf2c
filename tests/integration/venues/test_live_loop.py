"""The whole loop on Kafka with a live lane: Binance's adapter against ``tightloop sandbox binance``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import workload
from tests.support.live_system import KEY, LiveSystem

from tightloop.records.types import Instruction, WalletTransfer

D = Decimal
PERP = "BTC/USDT:USDT"


def order(name: str, **fields: Any) -> Instruction:
    return workload.instruction(KEY, name, **(fields or workload.market()))


@pytest.fixture
def system(broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveSystem]:
    """Its account is adopted: the first instruction was done."""
    with LiveSystem(broker.bootstrap, topic_prefix, tmp_path, monkeypatch.setenv) as found:
        found.publish(order("first"))
        found.producer.flush(30)
        found.adopt()
        found.until_results(60)
        yield found


def test_orders_go_round_the_loop_and_positions_match(system: LiveSystem) -> None:
    first = system.results()["first"]
    assert (first.status, first.outcome, first.filled_amount) == ("reconciled", "filled", D("0.01")), first
    system.publish(
        order("spot-sell", **workload.market("sell", "0.005")),
        order("perp-buy", **workload.market("buy", "0.3", PERP)),
        order("perp-sell", **workload.market("sell", "0.5", PERP)),
        order("resting", **workload.limit(1500, price="20000")),
        order("too-small", **workload.market("buy", "0.00001")),
        order("too-much", **workload.market("sell", "50")),
    )
    system.until_results(90)
    results = system.results()
    assert {
        name: (one.status, one.outcome, one.error.code if one.error else None) for name, one in results.items()
    } == {
        "first": ("reconciled", "filled", None),
        "spot-sell": ("reconciled", "filled", None),
        "perp-buy": ("reconciled", "filled", None),
        "perp-sell": ("reconciled", "filled", None),
        "resting": ("reconciled", "cancelled", None),
        "too-small": ("reconciled", "rejected", "EXI-007"),
        "too-much": ("reconciled", "rejected", "EXI-006"),
    }
    assert not any(one.simulated for one in system.records("fills"))
    books = system.sandbox.books()
    assert D(books["balances"]["binance:Perp:BTC/USDT:USDT"]) == D("-0.2")
    assert [one["status"] for one in books["orders"]] == ["filled"] * 4 + ["cancelled"]
    secrets = [one["secret"] for one in system.sandbox.keys]
    for component in system.components.values():
        assert not any(secret in component.output() for secret in secrets)


def test_funding_is_taken_in_and_what_nobody_explains_halts_the_key(system: LiveSystem) -> None:
    system.publish(order("perp", **workload.market("buy", "0.3", PERP)))
    system.until_results(60)
    system.sandbox.control("POST", "/admin/clock", {"market_advance_s": 8 * 3600 + 60})
    system.publish(order("after-funding"))
    system.until_results(60)
    assert system.results()["after-funding"].status == "reconciled"
    accrued = [one for one in system.records("fills") if one.kind == "accrual"]
    assert [one.deltas[0].source for one in accrued] == ["funding"]
    drift = {"lane": "binance", "account": KEY, "position_key": "binance:BaseToken:BTC", "amount": "-0.5"}
    system.sandbox.control("POST", "/admin/drift", drift)
    system.publish(order("unexplained"))
    system.until_results(90)
    result = system.results()["unexplained"]
    assert (result.status, result.error.code) == ("halted", "REC-002")


def test_an_executor_that_died_behind_its_order_asks_before_it_sends_anything_again(system: LiveSystem) -> None:
    (executor,) = system.executors
    executor.arm("after_answer", "kill", strategy=KEY)
    system.publish(order("doubtful"))
    system.until_results(90)
    assert executor.was_hit("after_answer")
    result = system.results()["doubtful"]
    assert (result.status, result.outcome) == ("reconciled", "filled"), result
    done = [one for one in system.sandbox.books()["orders"] if one["status"] == "filled"]
    assert len(done) == 2, "the first, and this one, once"


def test_an_executor_that_died_behind_a_movement_finds_it_without_an_id_and_moves_nothing_again(
    system: LiveSystem,
) -> None:
    (executor,) = system.executors
    executor.arm("after_answer", "kill", strategy=KEY)
    what = WalletTransfer(source="binance:spot", destination="binance:perp", asset="USDT", amount=D(500))
    system.publish(order("moved", venue="binance", wallet_transfer=what))
    system.until_results(90)
    assert executor.was_hit("after_answer")
    result = system.results()["moved"]
    assert (result.status, result.outcome) == ("reconciled", "filled"), result
    assert [(one["amount"], one["status"]) for one in system.sandbox.books()["transfers"]] == [("500", "filled")]
