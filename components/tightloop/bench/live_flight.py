"""Many orders of as many keys under way at once, by one process with a live lane's adapter.

``python -m tightloop.bench.live_flight ADDRESS COUNT``, the credentials in the environment. It says how many requests
had left and had no answer at the most, how long all took, and how large the process is, in one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psutil

from tightloop.assembly.build import EXECUTOR, make_adapters
from tightloop.assembly.config import Account, Config, Lane
from tightloop.domain import money
from tightloop.handlers.calls import OrderFound, Prepared
from tightloop.handlers.executor.submissions import with_prepared
from tightloop.records.types import CexTrade, Instruction, JournalEntry, RoutedInstruction
from tightloop.venues.adapter import VenueAdapter

LANE, ACCOUNT = "binance", "bench"


class Counted:
    """A gate that counts who has passed. ``most``: how many at a time had no answer yet."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    def pass_through(self) -> datetime:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return datetime.now(UTC)


async def run(address: str, count: int) -> dict[str, float]:
    """Raises RuntimeError when an order is not filled."""
    config = Config(
        lanes={LANE: Lane(simulated=False, endpoint=address)},
        accounts={ACCOUNT: Account(strategy=ACCOUNT, lane=LANE)},
    )
    adapter = make_adapters(EXECUTOR, LANE, config)[LANE]
    if not isinstance(adapter, VenueAdapter):
        raise RuntimeError(f"the lane {LANE} can't trade")
    try:
        entries = [await _prepared(adapter, _intent(number)) for number in range(count)]
        gate = Counted()
        began = time.monotonic()
        await asyncio.gather(*(_submitted(adapter, entry, gate) for entry in entries))
        seconds = time.monotonic() - began
    finally:
        await adapter.close()
    resident = psutil.Process().memory_info().rss / 2**20
    return {"at_once": gate.most, "seconds": seconds, "resident_mb": resident}


async def _prepared(adapter: VenueAdapter, entry: JournalEntry) -> JournalEntry:
    prepared = await adapter.prepare(entry, None)
    if not isinstance(prepared, Prepared):
        raise RuntimeError(f"{entry.client_order_id} was not prepared: {prepared}")
    return with_prepared(entry, "first", prepared, entry.journalled_at)


async def _submitted(adapter: VenueAdapter, entry: JournalEntry, gate: Counted) -> None:
    answer = await adapter.submit(entry, gate)
    gate.under_way -= 1
    if not isinstance(answer, OrderFound) or answer.status != "filled":
        raise RuntimeError(f"{entry.client_order_id} was not filled: {answer}")


def _intent(number: int) -> JournalEntry:
    now, key = datetime.now(UTC), f"key-{number}"
    instruction = Instruction(
        instruction_id=f"{key}-1",
        strategy_id=key,
        type="cex_trade",
        venue=LANE,
        account=ACCOUNT,
        created_at=now,
        cex_trade=CexTrade(market="spot", symbol="BTC/USDT", side="buy", order_type="market", amount=Decimal("0.001")),
    )
    routed = RoutedInstruction(
        strategy_id=key,
        loop_no=1,
        kind="execute",
        lane=LANE,
        venue=LANE,
        account=ACCOUNT,
        instruction=instruction,
        dispatched_at=now,
        not_after=now + timedelta(hours=1),
        produced_at=now,
    )
    return JournalEntry(
        strategy_id=key,
        account=ACCOUNT,
        lane=LANE,
        venue=LANE,
        instruction_id=instruction.instruction_id,
        loop_no=1,
        attempt=1,
        client_order_id=f"flight-{number}",
        routed=routed,
        status="journalled",
        journalled_at=now,
        first_journalled_at=now,
        produced_at=now,
    )


def main() -> int:
    money.install()
    address, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(run(address, int(count)))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
