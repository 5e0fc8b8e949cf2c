"""What simulated venues did says so on every record that tells of it; what others did does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.assembly.config import Config
from tightloop.runners.clock import ManualClock
from tightloop.testing import LoopDriver, ScriptedVenue, action, cancel, command, trade
from tightloop.testing.driver import START

D = Decimal
TELLS = ("fills", "venue_positions", "reconciliation_results", "instruction_results")


def told(loop: LoopDriver, topic: str) -> dict[str, set[bool]]:
    """What the records of a topic say, by strategy."""
    found: dict[str, set[bool]] = {}
    for one in loop.records(topic):
        found.setdefault(one.strategy_id, set()).add(one.simulated)
    return found


def test_everything_that_tells_of_a_simulated_venue_says_so() -> None:
    loop = LoopDriver()
    loop.feed(trade("i1", loop.now))
    loop.feed(action("i2", loop.now))
    loop.feed(trade("i3", loop.now, price=D(1000)), run=False)
    loop.feed(trade("i4", loop.now), run=False)
    loop.feed(cancel("c4", loop.now, "i4"))
    loop.feed(cancel("c3", loop.now, "i3"))
    loop.advance(5.0)
    assert loop.result("i4").status == "cancelled"
    for topic in TELLS:
        simulated = [one.simulated for one in loop.records(topic) if getattr(one, "instruction_id", None) != "c4"]
        assert simulated == [True] * len(simulated), topic
        assert simulated, topic


def test_what_a_lane_that_is_not_simulated_did_is_told_apart() -> None:
    settings: dict[str, Any] = {
        "lanes": {"binance": {"simulated": False}, "ethereum": {}},
        "accounts": {"desk": {"strategy": "real", "lane": "binance"}},
    }
    clock = ManualClock(START)
    loop = LoopDriver(Config.model_validate(settings), venues={"binance": ScriptedVenue("binance", clock)}, clock=clock)
    loop.feed(trade("i1", loop.now, strategy_id="real", amount=D(1)))
    assert [halt.code for halt in loop.halts("real")] == ["EIM-014"]
    loop.feed(command("adopt", "c1", loop.now, strategy_id="real", expected_position_version=1))
    assert loop.result("i1").outcome == "filled"
    loop.feed(action("i2", loop.now, strategy_id="paper"))
    assert loop.result("i2").outcome == "filled"
    for topic in TELLS:
        assert told(loop, topic) == {"real": {False}, "paper": {True}}, topic


def test_a_strategy_without_an_account_on_a_live_lane_trades_nothing_there() -> None:
    clock = ManualClock(START)
    loop = LoopDriver(
        Config.model_validate({"lanes": {"binance": {"simulated": False}}}),
        venues={"binance": ScriptedVenue("binance", clock)},
        clock=clock,
    )
    loop.feed(trade("i1", loop.now))
    result = loop.result("i1")
    assert result.error is not None
    assert (result.status, result.error.code, result.simulated) == ("refused", "EIM-007", False)
