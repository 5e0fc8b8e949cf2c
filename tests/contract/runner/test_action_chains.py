"""Chains of actions on both runners: one transaction, or one each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.contract.runner.loops import Loop

from tightloop.records.types import Action
from tightloop.testing import action, swap

D = Decimal
SUPPLY = Action(protocol="aave", operation="supply", token_in="WETH", amount_rule="previous_output")


def borrow(amount: int) -> Action:
    return Action(protocol="aave", operation="borrow", token_out="USDC", amount=D(amount))


def fed(loop: Loop, key: str, *steps: Action, **fields: Any) -> None:
    loop.feed(action("i1", loop.now, *steps, strategy_id=key, **fields))


def assert_sound(loop: Loop, key: str) -> None:
    assert loop.expected(key) == loop.held("ethereum", key)
    assert len(loop.acted(key)) == len(set(loop.acted(key)))
    assert not loop.halts(key)


@pytest.mark.parametrize(("atomic", "transactions"), [(True, 1), (False, 3)])
def test_a_chain_is_one_transaction_or_one_a_step(loop: Loop, key: str, atomic: bool, transactions: int) -> None:
    fed(loop, key, swap("USDT", "WETH", D(1000)), SUPPLY, borrow(100), atomic=atomic)
    result = loop.result(key, "i1")
    assert (result.status, result.outcome) == ("reconciled", "filled")
    assert len(loop.acted(key)) == transactions
    assert_sound(loop, key)


@pytest.mark.parametrize(("atomic", "outcome", "transactions"), [(True, "rejected", 0), (False, "partially_filled", 2)])
def test_a_step_that_cannot_work_is_named_and_not_sent(
    loop: Loop, key: str, atomic: bool, outcome: str, transactions: int
) -> None:
    fed(loop, key, swap("USDT", "WETH", D(1000)), SUPPLY, borrow(1_000_000), atomic=atomic)
    result = loop.result(key, "i1")
    assert result.error is not None
    assert (result.outcome, result.error.code) == (outcome, "EXI-006")
    assert "action 2 (aave.borrow)" in result.error.message
    assert len(loop.acted(key)) == transactions
    assert_sound(loop, key)


def test_the_executor_restarts_between_steps_and_each_is_done_once(loop: Loop, key: str) -> None:
    loop.fault("lost_after", key, operations=("transaction",), count=2)
    fed(loop, key, swap("USDT", "WETH", D(1000)), SUPPLY, borrow(100))
    loop.eventually(lambda: loop.acted(key), "the first step")
    loop.restart("executor-ethereum")
    assert loop.result(key, "i1").outcome == "filled"
    assert len(loop.acted(key)) == 3
    assert_sound(loop, key)
