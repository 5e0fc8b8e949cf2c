"""Random programs of transfers and trades in whole loops, under faults and restarts: money is conserved, and told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tightloop.assembly.config import Config, Timing
from tightloop.testing import LoopDriver, action, resume, trade, transfer

D = Decimal
LANES = ("binance", "okx", "ethereum")
PLACES = ("binance:spot", "binance:perp", "okx", "wallet")
FAULTS = (None, None, "arrives_late", "withdrawal_fails", "lost_after", "lost_before", "revert", "late_after")

moves = st.tuples(
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
    st.sampled_from(("USDT", "ETH")),
    st.integers(1, 50_000),
    st.sampled_from(("on_arrival", "on_debit")),
    st.sampled_from(FAULTS),
    st.sampled_from((0.0, 1.0, 4.0, 40.0)),  # until the next
    st.sampled_from((None, None, *LANES)),  # whose executor is killed then
    st.booleans(),  # a trade at each lane beside it
)


def run(loop: LoopDriver, program: list[Any]) -> None:
    for number, (source, to, asset, cents, release, fault, pause, killed, trades) in enumerate(program):
        loop.sandbox.faults.clear()
        if fault is not None:
            loop.fault(fault, operations=("transfer", "transaction"), count=1, delay_s=20.0)
        amount = D(cents).scaleb(-1 if asset == "USDT" else -4)
        moved = transfer(f"t{number}", loop.now, asset, amount, source=source, destination=to, release=release)
        loop.feed(moved)
        if trades:
            loop.feed(trade(f"i{number}", loop.now, venue="binance" if number % 2 else "okx"))
            loop.feed(action(f"a{number}", loop.now))
        loop.advance(pause)
        if killed is not None:
            loop.restart(f"executor-{killed}", calls="performed" if number % 2 else "lost")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(moves, min_size=1, max_size=8))
def test_every_transfer_ends_told_once_and_adds_up(program: list[Any]) -> None:
    loop = LoopDriver(Config(lanes=LANES), partitions=1, encodes=False)
    run(loop, program)
    loop.sandbox.faults.clear()
    loop.advance(300)
    for number in range(len(program)):
        assert loop.result(f"t{number}").status in ("reconciled", "refused", "expired")
    assert not loop.halts()
    expected = loop.expected()
    assert [key for key in expected if key.startswith("transit:")] == []
    held: dict[str, Decimal] = {}
    for lane in LANES:
        held |= {key: amount for key, amount in loop.held(lane).items() if amount}
    touched = {key.split(":")[0] for key in expected}
    assert expected == {key: amount for key, amount in held.items() if key.split(":")[0] in touched}
    moved: dict[str, Decimal] = {}
    for update in loop.records("position_updates"):
        for delta in update.deltas:
            if delta.source == "transfer":
                asset = delta.position_key.split(":")[-1]
                moved[asset] = moved.get(asset, D(0)) + delta.amount
    assert {asset: amount for asset, amount in moved.items() if amount} == {}


unseen = st.tuples(
    st.sampled_from((("binance:spot", "wallet"), ("binance:spot", "okx"), ("wallet", "binance:spot"))),
    st.sampled_from(("on_arrival", "on_debit")),
    st.sampled_from((20.0, 45.0, 200.0)),  # how long its source answers no question
    st.sampled_from((1.0, 10.0, 60.0)),  # until the next
    st.sampled_from((None, None, *LANES)),
    st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(unseen, min_size=1, max_size=4))
def test_what_an_operator_accepted_unseen_is_counted_once_in_the_end(program: list[Any]) -> None:
    """Each time the key has halted the operator goes on without looking, and other loops read the accounts."""
    loop = LoopDriver(Config(lanes=LANES, timing=Timing(evidence=10.0)), partitions=1, encodes=False)
    acted(loop, "first")
    loop.advance(30)
    for number, ((source, to), release, unseen_s, pause, killed, trades) in enumerate(program):
        lane = "ethereum" if source == "wallet" else "binance"
        loop.fault("lost_after", operations=("transfer", "transaction"), lane=lane, count=1)
        loop.fault("down", operations=("find",), lane=lane, duration_s=unseen_s)
        loop.feed(transfer(f"t{number}", loop.now, "USDT", D(1000), source=source, destination=to, release=release))
        for beat in range(10):
            loop.advance(pause)
            accepted(loop, f"c{number}-{beat}")
            if trades:
                acted(loop, f"i{number}-{beat}")
        if killed is not None:
            loop.restart(f"executor-{killed}", calls="performed" if number % 2 else "lost")
    loop.sandbox.faults.clear()
    for beat in range(6):
        loop.advance(120)
        accepted(loop, f"last-{beat}")
        acted(loop, f"last-{beat}")
    loop.advance(60)
    assert not loop.halts()
    held: dict[str, Decimal] = {}
    for lane in LANES:
        held |= {key: amount for key, amount in loop.held(lane).items() if amount}
    assert loop.expected() == held


def accepted(loop: LoopDriver, name: str) -> None:
    if named := [one.halt_id for one in loop.halts()]:
        loop.feed(resume(name, loop.now, *named, accept_unverified=True))


def acted(loop: LoopDriver, name: str) -> None:
    """One at each lane."""
    for venue in ("binance", "okx"):
        loop.feed(trade(f"{name}-{venue}", loop.now, venue=venue))
    loop.feed(action(f"{name}-wallet", loop.now))
