"""Gates of the whole loop in process: nothing lost, nothing twice, one in flight, the same bytes; and how fast."""

from __future__ import annotations

from decimal import Decimal

from tightloop.bench import inprocess
from tightloop.cli.gates.gate import expect, hold, section
from tightloop.testing import LoopDriver, builders

SECTION = "integration"
GATES, gate = section(SECTION)
COMPONENTS = ("interface-manager", "executor-binance", "position-update-handler", "reconciliation")
DEAREST = 30.0  # loops that only place, add and compare, in the time of one that also journals, publishes and keeps
SLOWEST_KEYS = 2.5  # one key against 64, which share what each moment costs


@gate
def an_instruction_goes_round_the_whole_loop() -> str:
    loop = LoopDriver()
    loop.feed(builders.trade("i1", loop.now, amount=Decimal("0.5")))
    expect("result", (loop.result("i1").status, loop.result("i1").outcome), ("reconciled", "filled"))
    expect("expected and held", loop.expected(), {key: held for key, held in loop.held("binance").items() if held})
    topics = ("instructions.binance", "execution_audit", "fills", "position_updates", "reconciliation_results")
    empty = [topic for topic in topics if not loop.records(topic)]
    expect("topics without a record", empty, [])
    return f"{len(topics)} topics"


@gate
def one_instruction_of_a_key_is_in_flight_at_a_time() -> str:
    loop = LoopDriver()
    for number in range(5):
        loop.feed(builders.trade(f"i{number}", loop.now), run=False)
    most = 0
    while loop.run(1):
        begun = sum(1 for one in loop.records("instructions.binance") if one.kind == "execute")
        most = max(most, begun - len(loop.records("instruction_results")))
    expect("the most between dispatch and result", most, 1)
    expect("results", len(loop.records("instruction_results")), 5)
    return "5 published at once"


@gate
def a_component_that_is_killed_at_any_step_acts_once() -> str:
    tried = 0
    for component in COMPONENTS:
        for steps in range(1, 14, 2):
            for calls in ("lost", "performed"):
                loop = LoopDriver()
                loop.feed(builders.trade("i1", loop.now), run=False)
                loop.run(steps)
                loop.restart(component, calls=calls)
                loop.advance(120)
                expect(f"{component} killed after {steps} steps, calls {calls}", loop.result("i1").outcome, "filled")
                expect("trades", _trades(loop), 1)
                tried += 1
    return f"{tried} kills"


@gate
def a_lost_answer_is_resolved_by_asking() -> str:
    for kind in ("lost_after", "lost_before", "late_after"):
        loop = LoopDriver()
        loop.fault(kind, operations=("order",), count=1)
        loop.feed(builders.trade("i1", loop.now))
        loop.advance(120)
        result = loop.result("i1")
        hold(f"{kind}: {result.status} {result.outcome}", result.status == "reconciled")
        expect(f"{kind}: trades", _trades(loop), 1)
    return "lost before, lost after, late"


def _trades(loop: LoopDriver) -> int:
    """By the venue's own ledger."""
    account = loop.sandbox.lanes["binance"].accounts["s1"]
    return sum(1 for entry in account.ledger if entry.kind == "trade")


@gate
def the_same_input_gives_the_same_bytes() -> str:
    def run() -> str:
        loop = LoopDriver()
        for number in range(4):
            loop.feed(builders.trade(f"i{number}", loop.now, side="buy" if number % 2 else "sell"))
            loop.feed(builders.action(f"a{number}", loop.now))
            loop.advance(30)
        return loop.digest()

    return expect("the digest of the second run", run(), run())


@gate
def a_loop_costs_a_bounded_number_of_plain_ones() -> str:
    one, many = inprocess.measure(seconds=0.3)
    hold(f"64 keys: {many.ratio:.1f} plain loops in the time of one, at most {DEAREST}", 0 < many.ratio <= DEAREST)
    slower = many.loops_per_second / one.loops_per_second
    hold(f"one key is {slower:.1f} times slower than 64, at most {SLOWEST_KEYS}", slower <= SLOWEST_KEYS)
    return f"{many.ratio:.1f} plain loops in the time of one; 64 keys are {slower:.1f} times as fast as one"
