"""What the demo trades."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice

from tests.support.lanes import VENUES, directory

from tightloop.assembly.config import Config
from tightloop.cli.demo.script import SPAN, Script, warm_up_script, write_script
from tightloop.domain.validate import check_instruction
from tightloop.testing import LoopDriver
from tightloop.wire import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANES = directory(["binance", "bybit", "okx", "ethereum"])


def script(seed: int = 1, count: int = 60) -> Script:
    return write_script(seed, 3, count, LANES, NOW - SPAN, NOW)


def test_every_instruction_is_possible() -> None:
    warm_up = [one for batch in islice(warm_up_script(1, LANES, NOW - SPAN, NOW), 20) for one in batch]
    for instruction in (*script().instructions, *warm_up):
        check_instruction(instruction, VENUES)
        assert codec.decode(codec.encode(instruction)) == instruction


def test_the_same_seed_gives_the_same_script_and_another_seed_another() -> None:
    assert script() == script()
    assert script() != script(seed=2)


def test_there_are_exactly_as_many_as_were_asked_for() -> None:
    for count in (1, 7, 23, 24, 100):
        assert len(script(count=count).instructions) == count


def test_sequences_count_up_and_decisions_move_on() -> None:
    by_key = defaultdict(list)
    for instruction in script().instructions:
        by_key[instruction.strategy_id].append(instruction)
    for instructions in by_key.values():
        assert [one.sequence for one in instructions] == list(range(1, 21))
        times = [one.created_at for one in instructions]
        assert times == sorted(times)
        assert times[0] >= NOW - SPAN
        assert times[-1] < NOW
        assert all(one.expires_at is not None and one.expires_at > NOW + timedelta(minutes=5) for one in instructions)


def test_the_script_trades_at_every_venue() -> None:
    kinds = {(one.type, one.venue) for one in script().instructions}
    assert kinds == {
        ("cex_trade", "binance"),
        ("cex_trade", "bybit"),
        ("cex_trade", "okx"),
        ("smart_contract_action", "aave"),
        ("smart_contract_action", "curve"),
        ("smart_contract_action", "morpho"),
        ("smart_contract_action", "uniswap"),
        ("wallet_transfer", "wallet"),
    }


def test_one_transaction_goes_over_several_protocols() -> None:
    chains = [one.smart_contract_action for one in script().instructions if one.smart_contract_action is not None]
    assert {"uniswap", "aave", "curve"} in [
        {step.protocol for step in chain.actions} for chain in chains if chain.atomic
    ]


def test_basis_trades_are_groups_that_are_whole_and_not_interrupted() -> None:
    for count in (10, 31, 60, 100):
        found = script(count=count)
        for key in ("demo-1", "demo-2", "demo-3"):
            own = [one for one in found.instructions if one.strategy_id == key]
            for place, one in enumerate(own):
                if one.group_id is not None and one.group_index == 0:
                    first, second = own[place : place + 2]
                    assert (second.group_id, second.group_index, second.group_size) == (first.group_id, 1, 2)
                    assert {"spot", "perp"} == {leg.cex_trade.market for leg in (first, second) if leg.cex_trade}
        assert (count < 60) or any(one.group_id for one in found.instructions)


def test_one_is_to_be_rejected_and_one_strategy_waits_for_its_drift() -> None:
    found = script()
    (rejected,) = [one for one in found.instructions if one.instruction_id == found.rejected]
    assert rejected.cex_trade is not None
    assert (rejected.strategy_id, rejected.group_id, rejected.cex_trade.amount) == ("demo-1", None, 50)
    drift = found.drift
    assert drift is not None
    held = [one.instruction_id for one in (drift.noticed_by, *drift.rest)]
    assert (drift.strategy_id, drift.position_key) == ("demo-3", "okx:BaseToken:BTC")
    at_once = [one.instruction_id for one in found.at_once]
    assert sorted([*at_once, *held]) == sorted(one.instruction_id for one in found.instructions)
    assert drift.after in found.at_once
    assert drift.noticed_by.venue == "okx"


def test_all_of_it_is_filled_but_what_is_to_be_rejected() -> None:
    config = Config.model_validate({"lanes": ["binance", "bybit", "okx", "ethereum"]})
    loop = LoopDriver(config, start=NOW)
    found = write_script(1, 3, 75, LANES, NOW - SPAN, NOW)
    for instruction in found.instructions:
        loop.feed(instruction)
        loop.advance(1)
    loop.advance(60)
    results = {one.instruction_id: one for one in loop.records("instruction_results")}
    others = [name for name, one in results.items() if (one.status, one.outcome) != ("reconciled", "filled")]
    assert others == [found.rejected]
    assert len(results) == len(found.instructions)
    assert results[found.rejected or ""].outcome == "rejected"


def test_a_short_script_has_no_accidents() -> None:
    found = script(count=12)
    assert (found.rejected, found.drift, found.at_once) == (None, None, list(found.instructions))


def test_one_lane_is_enough() -> None:
    short = write_script(1, 2, 10, directory(["binance"]), NOW - SPAN, NOW)
    assert {one.venue for one in short.instructions} == {"binance"}
    chain = write_script(1, 1, 20, directory(["ethereum"]), NOW - SPAN, NOW)
    assert (chain.drift, "binance" in {one.venue for one in chain.instructions}) == (None, False)
