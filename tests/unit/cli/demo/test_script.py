"""What the demo trades."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from tests.support.lanes import VENUES, directory

from tightloop.cli.demo.script import SPAN, write_script
from tightloop.domain.validate import check_instruction
from tightloop.records.types import Instruction
from tightloop.wire import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANES = directory()


def script(seed: int = 1, count: int = 60) -> list[Instruction]:
    return write_script(seed, 3, count, LANES, NOW - SPAN, NOW)


def test_every_instruction_is_possible() -> None:
    for instruction in script():
        check_instruction(instruction, VENUES)
        assert codec.decode(codec.encode(instruction)) == instruction


def test_the_same_seed_gives_the_same_script_and_another_seed_another() -> None:
    assert script() == script()
    assert script() != script(seed=2)


def test_sequences_count_up_and_decisions_move_on() -> None:
    by_key = defaultdict(list)
    for instruction in script():
        by_key[instruction.strategy_id].append(instruction)
    for instructions in by_key.values():
        assert [one.sequence for one in instructions] == list(range(1, 21))
        times = [one.created_at for one in instructions]
        assert times == sorted(times)
        assert times[0] >= NOW - SPAN
        assert times[-1] < NOW
        assert all(one.expires_at is not None and one.expires_at > NOW + timedelta(minutes=5) for one in instructions)


def test_the_script_trades_on_every_kind_of_venue() -> None:
    kinds = {(one.type, one.venue) for one in script()}
    assert {
        ("cex_trade", "binance"),
        ("smart_contract_action", "aave"),
        ("smart_contract_action", "uniswap"),
        ("wallet_transfer", "wallet"),
    } <= kinds


def test_one_lane_is_enough() -> None:
    assert {one.venue for one in write_script(1, 2, 10, directory(["binance"]), NOW - SPAN, NOW)} == {"binance"}
