"""Transfers between the accounts of a strategy, in whole loops: by way of transit, never twice, up to their end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tightloop.assembly.config import Config, Timing
from tightloop.errors import info
from tightloop.handlers.executor.deposits import LIMIT
from tightloop.records.types import CountedDeposit, DeadLetter, Delta, ExecutionReport, InstructionResult, Recording
from tightloop.runners.recording.replay import Replay
from tightloop.testing import LoopDriver, action, cancel, command, resume, trade, transfer
from tightloop.venues.sim.commands import Deposit

D = Decimal
TO_EXCHANGE = {"source": "wallet", "destination": "binance:spot"}
TO_WALLET = {"source": "binance:spot", "destination": "wallet"}
WAYS = {
    "wallet to exchange": TO_EXCHANGE,
    "exchange to wallet": TO_WALLET,
    "exchange to exchange": {"source": "binance:spot", "destination": "okx"},
}


def started(**timing: Any) -> LoopDriver:
    """Three lanes whose accounts are adopted, and nothing under way."""
    loop = LoopDriver(Config(lanes=("binance", "okx", "ethereum"), timing=Timing(**timing)))
    for number, venue in enumerate(("binance", "okx")):
        loop.feed(trade(f"first-{number}", loop.now, venue=venue))
    loop.feed(action("first-2", loop.now))
    return loop


def moved(loop: LoopDriver, way: dict[str, str], name: str = "t1", *, run: bool = True, **fields: Any) -> None:
    loop.feed(transfer(name, loop.now, "USDT", D(1000), **way, **fields), run=run)


def ended(loop: LoopDriver, name: str = "t1", seconds: int = 60) -> InstructionResult:
    for _ in range(seconds):
        if loop.results(name):
            break
        loop.advance(1)
    return loop.result(name)


def reports(loop: LoopDriver, name: str = "t1") -> list[ExecutionReport]:
    return [one for one in loop.records("fills") if one.instruction_id == name]


def travelling(loop: LoopDriver) -> dict[str, Decimal]:
    return {key: amount for key, amount in loop.expected().items() if key.startswith("transit:")}


def books_agree(loop: LoopDriver) -> bool:
    held: dict[str, Decimal] = {}
    for lane in ("binance", "okx", "ethereum"):
        held |= loop.held(lane)
    return loop.expected() == {key: amount for key, amount in held.items() if amount}


def acted(loop: LoopDriver, name: str = "t1") -> int:
    """How often a venue did what was asked for."""
    every = loop.sandbox.requests.read(0, 10_000)
    return len([one for one in every if one.instruction_id == name and one.result == "acted"])


# --- there and to the end ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_the_slot_is_taken_until_the_money_has_arrived(way: str) -> None:
    loop = started()
    loop.fault("arrives_late", delay_s=20.0)
    moved(loop, WAYS[way])
    loop.advance(10)
    assert not loop.results("t1")
    (left,) = travelling(loop).values()
    assert left in (1000, 998)
    loop.feed(trade("after", loop.now), run=True)
    assert not loop.results("after")
    result = ended(loop)
    assert (result.status, result.outcome, result.filled_amount) == ("reconciled", "filled", 1000)
    assert travelling(loop) == {}
    loop.advance(2)
    assert loop.result("after").status == "reconciled"
    assert books_agree(loop)
    assert acted(loop) == 1


@pytest.mark.parametrize("way", WAYS)
def test_with_on_debit_the_slot_is_free_while_the_money_travels(way: str) -> None:
    loop = started()
    loop.fault("arrives_late", delay_s=20.0, account="s1")
    moved(loop, WAYS[way], release="on_debit")
    result = ended(loop, seconds=5)
    assert (result.status, result.outcome, result.filled_amount) == ("reconciled", "filled", 1000)
    assert travelling(loop)
    loop.sandbox.faults.clear()
    for number, venue in enumerate(("binance", "okx")):
        loop.feed(trade(f"meanwhile-{number}", loop.now, venue=venue))
        assert loop.result(f"meanwhile-{number}").status == "reconciled"
    loop.advance(40)
    last = reports(loop)[-1]
    assert (last.kind, last.outcome) == ("correction", "filled")
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert len(loop.results("t1")) == 1
    assert not loop.halts()


@pytest.mark.parametrize("release", ["on_arrival", "on_debit"])
@pytest.mark.parametrize("way", WAYS)
def test_what_arrived_is_told_by_its_own_loop_alone(way: str, release: str) -> None:
    """The ledger of the destination shows it as a deposit, to the next loop that reads that account."""
    loop = started()
    moved(loop, WAYS[way], release=release)
    ended(loop)
    loop.advance(30)
    for number, venue in enumerate(("binance", "okx")):
        loop.feed(trade(f"next-{number}", loop.now, venue=venue))
    loop.feed(action("next-2", loop.now))
    loop.advance(60)
    assert [loop.result(f"next-{number}").status for number in range(3)] == ["reconciled"] * 3
    told = [one for one in loop.records("fills") if one.venue_entry_id and one.venue_entry_id.startswith("deposit-")]
    assert len(told) <= 1
    assert books_agree(loop)
    assert not loop.halts()


def test_a_deposit_of_somebody_else_still_accrues() -> None:
    loop = started()
    moved(loop, TO_EXCHANGE)
    ended(loop)
    given = Deposit(account="s1", position_key="binance:BaseToken:USDT", amount=D(7), reference="0xfriend")
    loop.sandbox.act("binance", given, loop.now)
    loop.feed(trade("next", loop.now))
    loop.advance(60)
    assert loop.result("next").status == "reconciled"
    assert "accrual" in [one.kind for one in reports(loop, "next")]
    assert books_agree(loop)


@pytest.mark.parametrize(("source", "destination"), [("spot", "perp"), ("perp", "spot")])
def test_between_the_wallets_of_an_exchange_nothing_travels(source: str, destination: str) -> None:
    loop = started()
    moved(loop, {"source": f"binance:{source}", "destination": f"binance:{destination}"})
    assert loop.result("t1").outcome == "filled"
    assert all("transit:" not in delta.position_key for one in reports(loop) for delta in one.deltas)
    sign = 1 if destination == "perp" else -1
    assert loop.held("binance")["binance:MarginBalance:USDT"] == 1_000_000 + sign * 1000
    assert books_agree(loop)


def test_an_account_that_was_never_touched_is_adopted_before_money_goes_there() -> None:
    loop = LoopDriver()
    moved(loop, TO_EXCHANGE)
    assert ended(loop).status == "reconciled"
    adopted = [one.account for one in loop.records("fills") if one.loop_kind == "adopt"]
    assert len(adopted) == 2
    assert not loop.halts()


def test_between_two_wallets_of_a_chain() -> None:
    accounts = {"main": {"strategy": "s1", "lane": "ethereum"}, "cold": {"strategy": "s1", "lane": "ethereum"}}
    loop = LoopDriver(Config.model_validate({"lanes": ["ethereum"], "accounts": accounts}))
    loop.feed(transfer("t1", loop.now, "ETH", D(2), destination="wallet@cold", account="main"))
    result = ended(loop)
    assert (result.status, result.outcome) == ("reconciled", "filled")
    assert loop.held("ethereum", "cold")["wallet:BaseToken:ETH"] == 102
    loop.feed(transfer("t2", loop.now, "ETH", D(1), destination="wallet@main", account="cold"))
    assert ended(loop, "t2").status == "reconciled"
    assert not loop.halts()


def test_an_address_outside_is_paid_and_not_waited_for() -> None:
    loop = started()
    moved(loop, {"source": "binance:spot", "destination": "0x" + "ab" * 20})
    assert ended(loop).outcome == "filled"
    assert travelling(loop) == {}
    assert books_agree(loop)


@pytest.mark.parametrize(
    ("venue", "key", "left", "charged"),
    [("binance", "binance:BaseToken:USDT", 998, 2), ("okx", "okx:MarginBalance:USDT", 1000, 2)],
)
def test_the_network_s_fee_is_taken_as_the_venue_takes_it(venue: str, key: str, left: int, charged: int) -> None:
    """Out of the amount, or on top of it."""
    loop = started()
    moved(loop, {"source": f"{venue}:spot", "destination": "wallet"})
    ended(loop)
    debit = reports(loop)[0]
    by_source = {one.source: one.amount for one in debit.deltas if one.position_key == key}
    assert by_source == {"transfer": -left, "fee": -charged}
    assert [(fee.amount, fee.kind) for fee in debit.fees] == [(charged, "network")]
    assert loop.held("ethereum")["wallet:BaseToken:USDT"] == 1_000_000 - 1000 + left


def test_accounts_of_other_names_are_spelled_out_and_add_up() -> None:
    accounts = {"desk": {"strategy": "s1", "lane": "binance"}, "vault": {"strategy": "s1", "lane": "ethereum"}}
    loop = LoopDriver(Config.model_validate({"lanes": ["binance", "ethereum"], "accounts": accounts}))
    for number, way in enumerate((TO_EXCHANGE, TO_WALLET, {"source": "wallet", "destination": "binance@desk:spot"})):
        moved(loop, way, f"t{number}")
        assert ended(loop, f"t{number}").outcome == "filled"
    held = {f"binance@desk:{key.partition(':')[2]}": one for key, one in loop.held("binance", "desk").items()}
    held |= {f"wallet@vault:{key.partition(':')[2]}": one for key, one in loop.held("ethereum", "vault").items()}
    assert loop.expected() == held


def test_of_two_chains_money_goes_on_the_one_that_it_leaves() -> None:
    """The exchange takes deposits on ethereum alone: what is sent to it on another chain would be lost."""
    lanes = {"binance": {}, "ethereum": {}, "arbitrum": {"chain_id": 42161, "venues": ["wallet"]}}
    accounts = {"l2": {"strategy": "s1", "lane": "arbitrum"}, "l1": {"strategy": "s1", "lane": "ethereum"}}
    loop = LoopDriver(Config.model_validate({"lanes": lanes, "accounts": accounts}))
    moved(loop, TO_EXCHANGE, account="l2")
    refused = ended(loop)
    assert refused.error is not None
    assert (refused.outcome, refused.error.code) == ("rejected", "EXI-013")
    assert "no network 'arbitrum'" in refused.error.message
    moved(loop, TO_EXCHANGE, "t2", account="l1")
    assert ended(loop, "t2").outcome == "filled"
    moved(loop, {"source": "binance", "destination": "wallet"}, "t3")
    which = ended(loop, "t3")
    assert which.error is not None
    assert (which.status, which.error.code) == ("refused", "EIM-007")
    assert "l1 on ethereum" in which.error.message
    moved(loop, {"source": "binance", "destination": "wallet"}, "t3b", network="ethereum")
    assert ended(loop, "t3b").outcome == "filled"
    assert reports(loop, "t3b")[-1].transfer.destination.account == "l1"  # type: ignore[union-attr]
    moved(loop, {"source": "wallet@l1", "destination": "wallet@l2"}, "t4", account="l1", venue="wallet")
    bridge = ended(loop, "t4")
    assert bridge.error is not None
    assert "no bridge" in bridge.error.message
    assert not loop.halts()


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_withdrawal_that_fails_gives_the_money_back() -> None:
    loop = started()
    loop.fault("withdrawal_fails", count=1)
    moved(loop, TO_WALLET)
    result = ended(loop)
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("reconciled", "rolled_back", "EXI-001")
    assert travelling(loop) == {}
    assert books_agree(loop)


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "late_after", "rate_limit"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_lost_moves_the_money_once(way: str, fault: str) -> None:
    loop = started()
    loop.fault(fault, operations=("transfer", "transaction"), count=1, delay_s=30.0)
    moved(loop, WAYS[way])
    result = ended(loop)
    assert (result.status, result.outcome) == ("reconciled", "filled")
    assert acted(loop) == 1
    assert books_agree(loop)


@pytest.mark.parametrize("calls", ["lost", "performed"])
@pytest.mark.parametrize("release", ["on_arrival", "on_debit"])
@pytest.mark.parametrize("way", WAYS)
def test_killed_between_any_two_steps_the_money_moves_once(way: str, release: str, calls: Any) -> None:
    """The executors of both ends, after each transaction of the first two hundred."""
    loop = started()
    moved(loop, WAYS[way], release=release, run=False)
    source = "ethereum" if way.startswith("wallet") else "binance"
    for step in range(60):
        if not loop.run(1):
            loop.advance(0.4)
        if step % 3 == 0:
            loop.restart(f"executor-{source}", calls=calls, run=False)
    assert ended(loop).outcome == "filled"
    loop.advance(60)
    assert acted(loop) == 1
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


@pytest.mark.parametrize("way", WAYS)
def test_what_does_not_arrive_halts_the_key_and_is_told_when_it_comes(way: str) -> None:
    loop = started(arrival=30.0)
    loop.fault("arrives_late", delay_s=120.0, count=1)
    moved(loop, WAYS[way])
    result = ended(loop, seconds=100)
    assert result.error is not None
    assert (result.status, result.outcome, result.error.code) == ("halted", "unknown", "EXI-017")
    assert [one.code for one in loop.halts()] == ["EXI-017"]
    assert travelling(loop)
    loop.advance(150)
    assert travelling(loop) == {}
    assert books_agree(loop)
    resolved = [one for one in loop.results("t1") if one.resolves is not None]
    assert [(one.status, one.outcome) for one in resolved] == [("reconciled", "filled")]
    loop.feed(resume("c1", loop.now, *[one.halt_id for one in loop.halts()]))
    loop.advance(30)
    assert not loop.halts()


def test_what_is_charged_on_the_way_is_a_fee_of_what_travelled() -> None:
    loop = started()
    loop.fault("never_arrives", count=1)
    moved(loop, TO_EXCHANGE, release="on_debit")
    ended(loop)
    mark = reports(loop)[-1].transfer
    assert mark is not None
    less = Deposit(account="s1", position_key="binance:BaseToken:USDT", amount=D(990), reference=mark.reference)
    loop.sandbox.act("binance", less, loop.now)
    loop.advance(30)
    arrival = reports(loop)[-1]
    charged = [one.amount for one in arrival.deltas if one.source == "fee"]
    assert (arrival.kind, charged) == ("correction", [D(-10)])
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


def test_with_on_debit_too_and_its_one_result_stands() -> None:
    loop = started(arrival=30.0)
    loop.fault("never_arrives", count=1)
    moved(loop, TO_EXCHANGE, release="on_debit")
    assert ended(loop).status == "reconciled"
    loop.advance(60)
    assert [one.code for one in loop.halts()] == ["EXI-017"]
    told = [one for one in reports(loop) if one.kind == "correction"]
    assert [(one.outcome, one.error.code if one.error else None) for one in told] == [("unknown", "EXI-017")]
    loop.advance(600)
    assert len([one for one in reports(loop) if one.kind == "correction"]) == 1, "it is told once"
    assert len(loop.results("t1")) == 1


def test_an_operator_writes_off_what_never_comes() -> None:
    loop = started(arrival=30.0)
    loop.fault("never_arrives", count=1)
    moved(loop, TO_EXCHANGE)
    ended(loop, seconds=100)
    lost = Delta(position_key="transit:t1:USDT", amount=D(-1000), source="correction")
    loop.feed(command("resolve", "c1", loop.now, target_id="t1", outcome="partially_filled", deltas=(lost,)))
    loop.advance(5)
    assert travelling(loop) == {}
    loop.feed(resume("c2", loop.now, *[one.halt_id for one in loop.halts()]))
    loop.advance(30)
    assert not loop.halts()
    assert books_agree(loop)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_key_is_not_resumed_before_its_transfer_is_located(accepted: bool) -> None:
    """Its arrival would be taken in as a deposit, and again as an arrival."""
    loop = started(evidence=10.0)
    loop.fault("lost_after", operations=("transfer",), count=1)
    loop.fault("down", operations=("find",), lane="binance", duration_s=120.0)
    moved(loop, TO_WALLET)
    assert ended(loop, seconds=100).outcome == "unknown"
    named = [one.halt_id for one in loop.halts()]
    loop.feed(resume("c1", loop.now, *named, accept_unverified=accepted))
    loop.advance(20)
    assert bool(loop.halts()) is not accepted
    refused = [one.error for one in loop.records("dead_letters")]
    assert [one.code for one in refused] == ([] if accepted else ["EIM-016"])
    loop.advance(180)
    loop.feed(resume("c2", loop.now, *named))
    loop.advance(30)
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


def test_a_resume_that_accepts_another_halt_does_not_accept_the_transfer() -> None:
    loop = started(evidence=10.0)
    loop.fault("lost_after", operations=("transfer",), count=1)
    loop.fault("down", operations=("find",), lane="binance", duration_s=120.0)
    moved(loop, TO_WALLET)
    assert ended(loop, seconds=100).outcome == "unknown"
    of_transfer = [one.halt_id for one in loop.halts()]
    loop.feed(command("halt", "h1", loop.now))
    (another,) = {one.halt_id for one in loop.halts()} - set(of_transfer)
    loop.feed(resume("c1", loop.now, another, accept_unverified=True))
    assert [one.halt_id for one in loop.halts()] == of_transfer
    loop.feed(resume("c2", loop.now, *of_transfer))
    loop.advance(5)
    assert [one.error.code for one in loop.records("dead_letters")] == ["EIM-016"]
    assert not accrued(loop)
    assert [one.halt_id for one in loop.halts()] == of_transfer


def accrued(loop: LoopDriver) -> list[ExecutionReport]:
    return [one for one in loop.records("fills") if one.kind == "accrual"]


def acts_at(loop: LoopDriver, lane: str, name: str) -> None:
    loop.feed(action(name, loop.now) if lane == "ethereum" else trade(name, loop.now, venue=lane))


def unlocated(loop: LoopDriver, way: dict[str, str], lane: str) -> None:
    """The transfer acted, its source shows it to nobody for two minutes, and an operator goes on without looking."""
    loop.fault("lost_after", operations=("transfer", "transaction"), count=1)
    loop.fault("down", operations=("find",), lane=lane, duration_s=120.0)
    moved(loop, way)
    assert ended(loop, seconds=100).outcome == "unknown"
    loop.feed(resume("c1", loop.now, *[one.halt_id for one in loop.halts()], accept_unverified=True))
    loop.advance(5)
    assert not loop.halts()


@pytest.mark.parametrize(
    ("way", "source", "there", "key"),
    [
        (TO_WALLET, "binance", "ethereum", "wallet:BaseToken:USDT"),
        (TO_EXCHANGE, "ethereum", "binance", "binance:BaseToken:USDT"),
        (WAYS["exchange to exchange"], "binance", "okx", "okx:MarginBalance:USDT"),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_what_was_counted_as_a_deposit_is_taken_back_once_its_transfer_is_known(
    way: dict[str, str], source: str, there: str, key: str, killed: bool
) -> None:
    """An operator went on before that: until then nothing told the arrival from a deposit."""
    loop = started(evidence=10.0)
    unlocated(loop, way, source)
    acts_at(loop, there, "a1")
    loop.advance(5)
    (counted,) = accrued(loop)
    came = counted.deltas[0]
    assert (came.position_key, counted.corrects_report_id) == (key, None)
    if killed:
        loop.restart(f"executor-{there}")
    loop.advance(200)
    _, taken = accrued(loop)
    assert (taken.corrects_report_id, taken.venue_entry_id) == (counted.report_id, counted.venue_entry_id)
    assert [(one.position_key, one.amount) for one in taken.deltas] == [(key, -came.amount)]
    told = [one for one in loop.results("t1") if one.resolves is not None]
    assert [(one.status, one.outcome) for one in told] == [("reconciled", "filled")]
    loop.feed(command("halt", "c2", loop.now))
    loop.feed(resume("c3", loop.now, *[one.halt_id for one in loop.halts()]))
    acts_at(loop, there, "a2")
    loop.advance(60)
    assert loop.result("a2").status == "reconciled"
    assert len(accrued(loop)) == 2, "no loop that reads the ledger takes it back again"
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


def test_a_deposit_of_somebody_else_is_not_taken_back() -> None:
    loop = started(evidence=10.0)
    given = Deposit(account="s1", position_key="wallet:BaseToken:USDT", amount=D(7), reference="0xfriend")
    loop.sandbox.act("ethereum", given, loop.now)
    unlocated(loop, TO_WALLET, "binance")
    loop.feed(action("a1", loop.now))
    loop.advance(200)
    assert [one.deltas[0].amount for one in accrued(loop)] == [7, 998, -998]
    assert books_agree(loop)
    assert not loop.halts()


def test_of_the_deposits_that_were_counted_the_latest_are_remembered() -> None:
    loop = started()
    for number in range(LIMIT + 3):
        reference = f"0x{number:03d}"
        given = Deposit(account="s1", position_key="wallet:BaseToken:USDT", amount=D(1), reference=reference)
        loop.sandbox.act("ethereum", given, loop.now)
    loop.advance(60)
    loop.feed(action("a1", loop.now))
    loop.advance(60)
    assert len(accrued(loop)) == LIMIT + 3
    names = [f"deposit|s1|0x{number:03d}" for number in range(LIMIT + 3)]
    kept = [loop.runner.state("executor-ethereum", "s1", name, CountedDeposit) is not None for name in names]
    assert kept == [False] * 3 + [True] * LIMIT


def dead_letter(loop: LoopDriver) -> DeadLetter:
    """A report that could not be applied: its loop can't close any more."""
    return DeadLetter(
        topic="fills",
        partition=0,
        offset=7,
        error=info("PUH-007", "an amount of no asset"),
        component="position-update-handler",
        halts=True,
        failed_at=loop.now,
        produced_at=loop.now,
    )


@pytest.mark.parametrize("release", ["on_arrival", "on_debit"])
def test_what_was_counted_after_a_resume_had_ended_the_loop_is_taken_back(release: str) -> None:
    """Its executor still pursues the transfer, and tells of the arrival when the key has gone on."""
    loop = started(evidence=600.0)
    loop.fault("lost_after", operations=("transfer",), count=1)
    loop.fault("down", operations=("find",), lane="binance", duration_s=120.0)
    moved(loop, TO_WALLET, release=release)
    loop.advance(5)
    loop.feed(dead_letter(loop), "dead_letters", "s1")
    loop.feed(resume("c1", loop.now, *[one.halt_id for one in loop.halts()], accept_unverified=True))
    assert loop.result("t1").outcome == "unknown"
    loop.advance(5)
    loop.feed(action("a1", loop.now))
    loop.advance(300)
    loop.feed(action("a2", loop.now))
    loop.advance(60)
    assert accrued(loop)
    assert sum(one.deltas[0].amount for one in accrued(loop)) == 0
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


def test_one_that_ended_without_evidence_is_followed_all_the_same() -> None:
    loop = started(evidence=10.0)
    loop.fault("lost_after", operations=("transfer",), count=1)
    loop.fault("down", operations=("find",), lane="binance", duration_s=30.0)
    moved(loop, TO_WALLET)
    result = ended(loop)
    assert (result.status, result.outcome) == ("halted", "unknown")
    loop.advance(120)
    resolved = [one for one in loop.results("t1") if one.resolves is not None]
    assert [one.outcome for one in resolved] == ["filled"]
    assert travelling(loop) == {}
    assert books_agree(loop)


def test_what_accrues_at_the_destination_meanwhile_is_no_mismatch() -> None:
    loop = started()
    loop.fault("arrives_late", delay_s=20.0, count=1)
    moved(loop, TO_EXCHANGE)
    loop.advance(5)
    given = Deposit(account="s1", position_key="binance:BaseToken:USDT", amount=D(7), reference="0xfriend")
    loop.sandbox.act("binance", given, loop.now)
    result = ended(loop, seconds=200)
    assert (result.status, result.outcome) == ("reconciled", "filled")
    assert books_agree(loop)


def test_what_has_left_is_not_called_back_by_a_cancel_or_its_expiry() -> None:
    loop = started()
    loop.fault("arrives_late", delay_s=60.0, count=1)
    moved(loop, TO_WALLET, expires_at=loop.now + timedelta(seconds=10))
    loop.advance(5)
    loop.feed(cancel("c1", loop.now, "t1"))
    result = ended(loop, seconds=100)
    assert (result.status, result.outcome) == ("reconciled", "filled")
    assert loop.result("c1").status == "reconciled"
    assert "cancel" not in [one.operation for one in loop.sandbox.requests.read(0, 10_000)]
    (told,) = [one for one in loop.records("execution_audit") if one.event == "cancel_requested"]
    assert "can't be called back" in told.detail
    assert books_agree(loop)


def test_of_two_that_travel_each_arrives_once() -> None:
    loop = started()
    loop.fault("arrives_late", delay_s=20.0)
    for name in ("t1", "t2", "t3"):
        moved(loop, TO_EXCHANGE, name, release="on_debit")
    loop.advance(120)
    assert travelling(loop) == {}
    assert books_agree(loop)
    assert not loop.halts()


def test_a_recording_of_transfers_played_into_fresh_components_gives_the_same_records() -> None:
    made: list[Recording] = []
    loop = LoopDriver(Config(lanes=("binance", "ethereum")), partitions=1, record=made.append)
    for number, way in enumerate((TO_EXCHANGE, TO_WALLET)):
        for release in ("on_arrival", "on_debit"):
            moved(loop, way, f"t{number}-{release}", release=release)
    loop.advance(60)
    seats = loop.runner._seats
    replay = Replay([one[0].worker.handler for one in seats.values()], 1)
    told = [out.value for one in made for out in replay.play(one).outputs if out.topic == "fills"]
    assert told == [one.value for one in loop.stored("fills")]
    assert {one.kind for one in loop.records("fills")} == {"working", "final", "correction"}


# --- what is refused --------------------------------------------------------------------------------------------------

OTHERS = {"theirs": {"strategy": "s2", "lane": "okx"}}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "to another strategy": ({"destination": "okx@theirs"}, "EIM-007", "belongs to the strategy s2"),
    "to itself": ({"source": "binance", "destination": "binance:spot"}, "EIM-007", "same as the source"),
    "to a venue that is misspelt": ({"destination": "binanc"}, "EIM-007", "did you mean 'binance'"),
    "to a protocol": ({"destination": "aave"}, "EIM-007", "nothing that can be transferred"),
    "to a wallet that there is not": ({"destination": "binance:futures"}, "EIM-007", "spot and perp"),
    "into margin from elsewhere": ({"destination": "binance:perp"}, "EIM-007", "arrives in its spot wallet"),
    "out of margin": ({"source": "binance:perp", "destination": "wallet"}, "EIM-007", "from its spot wallet"),
    "of an asset that is unknown there": ({"destination": "binance", "asset": "DAI"}, "EXI-013", "moves no DAI"),
    "on a network that is misspelt": ({"destination": "binance", "network": "etherium"}, "EXI-013", "'ethereum'"),
    "of too little": ({"source": "binance", "destination": "wallet", "amount": D(1)}, "EXI-007", "least withdrawal"),
    "of too little to deposit": ({"destination": "binance", "amount": D("0.001")}, "EXI-007", "least deposit"),
    "of more than there is": (
        {"source": "binance", "destination": "wallet", "amount": D(10_000_000)},
        "EXI-006",
        "is needed",
    ),
    "of more than there is, on a chain": ({"destination": "binance", "amount": D(10_000_000)}, "EXI-006", "is needed"),
    "of an asset that is no margin": (
        {"source": "binance", "destination": "binance:perp", "asset": "BTC", "amount": D(1)},
        "EXI-007",
        "as margin",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_moves(what: str) -> None:
    fields, code, said = REFUSED[what]
    loop = LoopDriver(Config.model_validate({"lanes": ["binance", "okx", "ethereum"], "accounts": OTHERS}))
    chosen = {"source": "wallet", "amount": D(1000), "asset": "USDT", **fields}
    loop.feed(transfer("t1", loop.now, chosen.pop("asset"), chosen.pop("amount"), **chosen))
    result = ended(loop, seconds=20)
    assert result.error is not None
    assert result.error.code == code, result.error
    assert said in result.error.message
    assert acted(loop) == 0
    assert travelling(loop) == {}
