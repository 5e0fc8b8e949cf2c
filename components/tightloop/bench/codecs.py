"""What it costs to write and to read a record of the loop, in microseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from tightloop.records.types import (
    CexTrade,
    Delta,
    ExecutionReport,
    Fee,
    Instruction,
    InstructionResult,
    JournalEntry,
    Position,
    PositionUpdate,
    PreparedOrder,
    RoutedInstruction,
    Submission,
)
from tightloop.wire import codec

_SAMPLES = 200
_CALLS = 50
_NOW = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class CodecCost(Struct, frozen=True, kw_only=True):
    record: str
    size_bytes: int
    encode_us: float
    decode_us: float


def measure() -> list[CodecCost]:
    return [_cost(record) for record in _records()]


def _cost(record: Struct) -> CodecCost:
    value = codec.encode(record)
    return CodecCost(
        record=type(record).__name__,
        size_bytes=len(value),
        encode_us=_per_call(lambda: codec.encode(record)),
        decode_us=_per_call(lambda: codec.decode(value)),
    )


def _per_call(call: Callable[[], object]) -> float:
    """The best of many short samples: what else the machine does only adds."""
    best = float("inf")
    for _ in range(_SAMPLES):
        began = time.perf_counter()
        for _ in range(_CALLS):
            call()
        best = min(best, time.perf_counter() - began)
    return round(best / _CALLS * 1e6, 2)


def _records() -> list[Struct]:
    trade = CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.001"))
    instruction = Instruction(
        instruction_id="strategy-1-42",
        strategy_id="strategy-1",
        type="cex_trade",
        venue="binance",
        created_at=_NOW,
        expires_at=_NOW + timedelta(hours=1),
        sequence=42,
        cex_trade=trade,
    )
    routed = RoutedInstruction(
        strategy_id="strategy-1",
        loop_no=43,
        kind="execute",
        lane="binance",
        venue="binance",
        account="strategy-1",
        instruction=instruction,
        dispatched_at=_NOW,
        not_after=_NOW + timedelta(hours=1),
        produced_at=_NOW,
        trace_id="strategy-1-42",
        causation_id="strategy-1-42",
    )
    entry = JournalEntry(
        strategy_id="strategy-1",
        account="strategy-1",
        lane="binance",
        venue="binance",
        instruction_id="strategy-1-42",
        loop_no=43,
        attempt=1,
        client_order_id="0123456789abcdef0123456789abcdef",
        routed=routed,
        status="journalled",
        journalled_at=_NOW,
        first_journalled_at=_NOW,
        submissions=(
            Submission(
                number=1,
                kind="first",
                journalled_at=_NOW,
                order=PreparedOrder(
                    market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.001")
                ),
            ),
        ),
        evidence_deadline=_NOW + timedelta(minutes=1),
        cancel_at=_NOW + timedelta(hours=1),
        produced_at=_NOW,
    )
    deltas = (
        Delta(position_key="binance:BaseToken:BTC", amount=Decimal("0.001"), source="trade"),
        Delta(position_key="binance:BaseToken:USDT", amount=Decimal("-97.12345678"), source="trade"),
        Delta(position_key="binance:BaseToken:BTC", amount=Decimal("-0.000001"), source="fee"),
    )
    report = ExecutionReport(
        report_id="0123456789abcdef0123456789abcdef",
        report_no=1,
        strategy_id="strategy-1",
        instruction_id="strategy-1-42",
        loop_no=43,
        loop_kind="execute",
        kind="final",
        outcome="filled",
        lane="binance",
        venue="binance",
        account="strategy-1",
        attempt=1,
        symbol="BTC/USDT",
        side="buy",
        amount=Decimal("0.001"),
        cost=Decimal("97.12345678"),
        deltas=deltas,
        fees=(Fee(position_key="binance:BaseToken:BTC", amount=Decimal("0.000001"), kind="trading"),),
        client_order_id="0123456789abcdef0123456789abcdef",
        account_cursor="43",
        venue_sequence=43,
        event_time=_NOW,
        observed_at=_NOW,
        simulated=True,
        produced_at=_NOW,
    )
    update = PositionUpdate(
        update_id="0123456789abcdef0123456789abcdef",
        strategy_id="strategy-1",
        position_version=43,
        previous_version=42,
        report_id=report.report_id,
        report_no=1,
        report_kind="final",
        report_ids=(report.report_id,),
        instruction_id="strategy-1-42",
        loop_no=43,
        loop_kind="execute",
        lane="binance",
        venue="binance",
        account="strategy-1",
        outcome="filled",
        is_final=True,
        source="trade",
        deltas=deltas,
        expected_positions=(
            Position(position_key="binance:BaseToken:BTC", amount=Decimal("10.000999")),
            Position(position_key="binance:BaseToken:USDT", amount=Decimal("999902.87654322")),
        ),
        event_time=_NOW,
        produced_at=_NOW,
    )
    result = InstructionResult(
        instruction_id="strategy-1-42",
        strategy_id="strategy-1",
        type="cex_trade",
        status="reconciled",
        outcome="filled",
        venue="binance",
        account="strategy-1",
        sequence=42,
        filled_amount=Decimal("0.001"),
        position_version=43,
        loop_no=43,
        received_at=_NOW,
        finished_at=_NOW,
        produced_at=_NOW,
    )
    return [instruction, routed, entry, report, update, result]
