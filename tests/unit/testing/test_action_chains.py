"""Chains of actions over several protocols, atomic and not, in whole loops."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tightloop.assembly.config import Config
from tightloop.records.types import Action, ExecutionReport, InstructionResult
from tightloop.testing import LoopDriver, action, cancel, halt, swap
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings

D = Decimal
SWAP = swap("USDT", "WETH", D(1000))


def aave(operation: str, token: str, amount: Decimal | None = None, rule: Any = "number") -> Action:
    side = "token_in" if operation in ("supply", "repay") else "token_out"
    return Action(protocol="aave", operation=operation, amount=amount, amount_rule=rule, **{side: token})


SUPPLY = aave("supply", "WETH", rule="previous_output")
BORROW = aave("borrow", "USDC", D(100))
TOO_MUCH = aave("borrow", "USDC", D(100_000))
CHAIN = (SWAP, SUPPLY, BORROW)


def fed(*steps: Action, loop: LoopDriver | None = None, run: bool = True, **fields: Any) -> LoopDriver:
    loop = loop or LoopDriver(Config(lanes=("ethereum",)))
    loop.feed(action("i1", loop.now, *steps, **fields), run=run)
    return loop


def ended(loop: LoopDriver, seconds: int = 120) -> InstructionResult:
    for _ in range(seconds):
        if loop.results("i1"):
            break
        loop.advance(1)
    return loop.result("i1")


def reports(loop: LoopDriver) -> list[ExecutionReport]:
    return [one for one in loop.records("fills") if one.instruction_id == "i1"]


def acted(loop: LoopDriver) -> list[int]:
    """The attempts that a block took in."""
    books = loop.sandbox.lanes["ethereum"].accounts["s1"]
    ids = {one.client_order_id for one in books.transactions.values()}  # type: ignore[union-attr]
    requests = loop.sandbox.requests.read(0, 10_000)
    return sorted({one.attempt for one in requests if one.client_order_id in ids})


def books_agree(loop: LoopDriver) -> bool:
    return loop.expected() == {key: amount for key, amount in loop.held("ethereum").items() if amount}


# --- one transaction --------------------------------------------------------------------------------------------------


def test_an_atomic_chain_is_one_transaction() -> None:
    loop = fed(*CHAIN, atomic=True)
    assert ended(loop).outcome == "filled"
    assert acted(loop) == [1]
    assert books_agree(loop)


def test_an_atomic_chain_whose_third_step_cannot_work_is_refused_with_the_step_and_nothing_is_sent() -> None:
    loop = fed(SWAP, SUPPLY, TOO_MUCH, atomic=True)
    result = ended(loop)
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rejected", "EXI-006")
    assert "action 2 (aave.borrow)" in result.error.message
    assert loop.sandbox.requests.read(0, 10) == []


def test_an_atomic_chain_that_fails_in_its_block_is_undone_whole() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("revert", count=1)
    result = ended(fed(*CHAIN, loop=loop, atomic=True))
    assert result.outcome == "rolled_back"
    assert {delta.source for one in reports(loop) for delta in one.deltas} == {"gas"}
    assert books_agree(loop)


# --- a transaction each -----------------------------------------------------------------------------------------------


def test_each_step_of_one_that_is_not_atomic_is_a_transaction_of_its_own() -> None:
    loop = fed(*CHAIN)
    assert ended(loop).outcome == "filled"
    assert acted(loop) == [1, 2, 3]
    told = reports(loop)
    assert [(one.kind, one.attempt) for one in told] == [("working", 1), ("working", 2), ("final", 3)]
    assert len({one.client_order_id for one in told}) == 3
    assert books_agree(loop)


@pytest.mark.parametrize("atomic", [True, False])
def test_a_chain_fills_what_its_first_step_takes(atomic: bool) -> None:
    loop = fed(*CHAIN, atomic=atomic)
    assert ended(loop).filled_amount == 1000
    assert [one.amount for one in reports(loop)] == ([1000] if atomic else [1000, 0, 0])


def begun(loop: LoopDriver) -> LoopDriver:
    """Its first step is done, and nothing of the second was sent."""
    fed(*CHAIN, loop=loop, run=False)
    while not reports(loop):
        if not loop.run(1):
            loop.advance(0.5)
    assert len(acted(loop)) == 1
    return loop


def test_a_step_that_is_resolved_after_its_loop_adds_nothing_to_what_the_first_took() -> None:
    loop = begun(LoopDriver(Config(lanes=("ethereum",))))
    loop.fault("lost_after", operations=("transaction",), count=1)
    loop.fault("down", operations=("find",), duration_s=300)
    assert ended(loop, 300).outcome == "unknown"
    loop.advance(600)
    resolved = reports(loop)[-1]
    assert (resolved.kind, resolved.outcome, resolved.amount) == ("correction", "partially_filled", 0)
    told = loop.results("i1")[-1]
    assert (told.outcome, told.filled_amount) == ("partially_filled", 1000)
    assert books_agree(loop)


def test_a_later_step_that_cannot_be_prepared_at_first_is_tried_again_however_long_the_earlier_ones_took() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("lost_after", operations=("transaction",), count=1)
    loop.fault("down", operations=("find",), duration_s=20)
    loop.fault("down", operations=("simulate",), skip=1, count=1)
    assert ended(fed(*CHAIN, loop=loop)).outcome == "filled"
    assert acted(loop) == [1, 2, 3]


def test_the_output_of_a_step_is_exactly_what_the_next_one_takes() -> None:
    loop = fed(*CHAIN)
    ended(loop)
    first, second, _ = reports(loop)
    bought = next(one.amount for one in first.deltas if one.position_key == "wallet:BaseToken:WETH")
    supplied = next(one.amount for one in second.deltas if one.position_key == "wallet:BaseToken:WETH")
    assert bought + supplied == 0


def test_all_is_what_is_there_when_the_step_is_prepared() -> None:
    loop = fed(SWAP, aave("supply", "WETH", rule="all"), swap("USDC", "DAI", D(50)))
    assert ended(loop).outcome == "filled"
    assert "wallet:BaseToken:WETH" not in loop.held("ethereum")
    assert books_agree(loop)


def test_a_step_that_cannot_work_is_not_sent_and_what_the_earlier_ones_did_stays() -> None:
    loop = fed(SWAP, SUPPLY, TOO_MUCH, BORROW)
    result = ended(loop)
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "partially_filled", "EXI-006")
    assert result.error.message.startswith("step 3 of 4 (aave.borrow): ")
    assert acted(loop) == [1, 2]
    assert books_agree(loop)


def test_a_step_that_reverts_in_its_block_ends_the_chain() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("revert", skip=1, count=1)
    result = ended(fed(*CHAIN, loop=loop))
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("partially_filled", "EXI-008")
    assert result.error.message.startswith("step 2 of 3 (aave.supply): ")
    assert acted(loop) == [1, 2]
    assert books_agree(loop)


def test_when_the_first_step_reverts_the_chain_is_rolled_back() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("revert", count=1)
    result = ended(fed(*CHAIN, loop=loop))
    assert (result.outcome, acted(loop)) == ("rolled_back", [1])


def test_an_output_that_is_not_one_amount_is_refused_with_the_step() -> None:
    out = Action(protocol="curve", operation="remove_liquidity", amount_rule="all", parameters={"pool": "3pool"})
    add = Action(
        protocol="curve", operation="add_liquidity", token_in="USDT", amount=D(500), parameters={"pool": "3pool"}
    )
    loop = fed(add, out, aave("supply", "WETH", rule="previous_output"))
    result = ended(loop)
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("partially_filled", "EXI-007")
    assert result.error.message.startswith("step 3 of 3 (aave.supply): previous_output: ")
    taken = fed(add, out, aave("supply", "USDC", rule="previous_output"))
    assert ended(taken).outcome == "filled"
    assert books_agree(taken)


def test_max_fee_is_of_all_steps_together() -> None:
    whole = fed(*CHAIN)
    ended(whole)
    spent = [fee.amount for one in reports(whole) for fee in one.fees if fee.kind == "gas"]
    loop = fed(*CHAIN, max_fee=spent[2] * D("2.45"))  # enough for the dearest of them alone, at its fee cap
    result = ended(loop)
    assert result.error is not None
    assert (result.outcome, result.error.code) == ("partially_filled", "EXI-010")
    assert acted(loop) == [1, 2]


def test_what_expires_between_two_steps_is_not_sent() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("pending", skip=1, count=1)
    fed(*CHAIN, loop=loop, expires_at=loop.now + timedelta(seconds=20))
    result = ended(loop)
    assert result.outcome == "partially_filled"
    assert acted(loop)[0] == 1
    assert 3 not in acted(loop)
    assert books_agree(loop)


def test_a_cancel_stops_what_is_still_to_be_sent() -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    loop.fault("pending", skip=1, count=1)
    fed(*CHAIN, loop=loop)
    loop.advance(1)
    loop.feed(cancel("c1", loop.now, "i1", venue="uniswap"))
    result = ended(loop)
    assert result.outcome == "partially_filled"
    assert loop.result("c1").status == "reconciled"
    assert 3 not in acted(loop)
    assert books_agree(loop)


def test_a_cancel_that_comes_too_late_for_a_step_stops_the_next_one() -> None:
    """The step is in a block already, and not deep enough yet to be final."""
    chain_of_blocks = replace(chain("ethereum", 1, 3), block_time_s=5.0)
    loop = LoopDriver(
        Config.model_validate({"lanes": {"ethereum": {"confirmations": 3}}}), sim=SimSettings(chains=(chain_of_blocks,))
    )
    fed(*CHAIN, loop=loop)
    loop.feed(cancel("c1", loop.now, "i1", venue="uniswap"))
    result = ended(loop)
    assert (result.outcome, acted(loop)) == ("partially_filled", [1])
    assert loop.result("c1").status == "reconciled"
    assert not loop.halts()


@pytest.mark.parametrize(("venue", "done"), [("aave", [1]), ("morpho", [1, 2, 3])])
def test_a_halt_that_cancels_at_the_venue_of_a_later_step_stops_that_step(venue: str, done: list[int]) -> None:
    chain_of_blocks = replace(chain("ethereum", 1, 3), block_time_s=5.0)
    loop = LoopDriver(
        Config.model_validate({"lanes": {"ethereum": {"confirmations": 3}}}), sim=SimSettings(chains=(chain_of_blocks,))
    )
    fed(*CHAIN, loop=loop)
    loop.feed(halt("h1", loop.now, scope="venue", venue=venue, cancel_working=True))
    result = ended(loop)
    assert (result.outcome, acted(loop)) == ("filled" if len(done) == 3 else "partially_filled", done)
    assert books_agree(loop)


@pytest.mark.parametrize("calls", ["lost", "performed"])
@pytest.mark.parametrize("fault", [None, "lost_after", "lost_before"])
def test_killed_between_any_two_steps_each_is_done_once(calls: Any, fault: str | None) -> None:
    loop = LoopDriver(Config(lanes=("ethereum",)))
    if fault is not None:
        loop.fault(fault, count=2)
    fed(*CHAIN, loop=loop, run=False)
    for step in range(80):
        if not loop.run(1):
            loop.advance(0.5)
        if step % 2:
            loop.restart("executor-ethereum", calls=calls, run=False)
    assert ended(loop).outcome == "filled"
    assert acted(loop) == [1, 2, 3]
    assert [one.report_no for one in reports(loop)] == list(range(1, len(reports(loop)) + 1))
    assert books_agree(loop)
    assert not loop.halts()


def test_an_atomic_chain_over_an_exchange_is_refused() -> None:
    loop = LoopDriver()
    trade = Action(protocol="binance", operation="swap", token_in="USDT", token_out="WETH", amount=D(1))
    result = ended(fed(SWAP, trade, loop=loop, atomic=True))
    assert result.error is not None
    assert (result.status, result.error.code) == ("refused", "EIM-008")
