"""A venue whose ledger has neither numbers nor cursors: its adapter compares, and the loop closes all the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tightloop.assembly.config import Config, Timing
from tightloop.handlers import calls
from tightloop.records.types import AccountRef, Delta
from tightloop.runners.clock import ManualClock
from tightloop.testing import LoopDriver, ScriptedVenue, trade
from tightloop.testing.driver import START

D = Decimal
USDT = "binance:BaseToken:USDT"


class Comparing(ScriptedVenue):
    """What accrued is told by comparing: the cursor holds the balances that were accounted for, and how many trades."""

    def _cursor(self) -> str:
        held = {key: str(amount) for key, amount in sorted(self.books.amounts.items()) if amount}
        return json.dumps([held, len(self.books.entries)])

    @staticmethod
    def _bare(entry: calls.LedgerEntry) -> calls.LedgerEntry:
        return replace(entry, sequence=None)

    async def positions(self, account: AccountRef) -> Any:
        return replace(await super().positions(account), cursor=self._cursor(), venue_sequence=None)

    def _evidence(self, found: Any) -> Any:
        if not isinstance(found, calls.OrderFound):
            return found
        entries = tuple(self._bare(one) for one in found.entries)
        return replace(found, entries=entries, cursor_before=None, cursor_after=None)

    async def submit(self, entry: Any, gate: Any) -> Any:
        return self._evidence(await super().submit(entry, gate))

    async def find(self, entry: Any) -> Any:
        return self._evidence(await super().find(entry))

    async def ledger(self, account: AccountRef, cursor: str | None) -> Any:
        """The trades since, and one entry for whatever no trade explains."""
        held, count = json.loads(cursor or "[{}, 0]")
        trades = [one for one in self.books.entries[count:] if one.client_order_id is not None]
        expected = {key: D(amount) for key, amount in held.items()}
        for one in trades:
            for delta in one.deltas:
                expected[delta.position_key] = expected.get(delta.position_key, D(0)) + delta.amount
        keys = sorted(expected.keys() | self.books.amounts.keys())
        moved = {key: self.books.amounts.get(key, D(0)) - expected.get(key, D(0)) for key in keys}
        deltas = tuple(Delta(position_key=key, amount=by, source="interest") for key, by in moved.items() if by)
        now = self.own_clock.now()
        grown = [calls.LedgerEntry(f"interest-{len(self.books.entries)}-{now:%H%M%S%f}", None, "interest", now, deltas)]
        entries = (*(self._bare(one) for one in trades), *(grown if deltas else ()))
        return calls.Ledger(entries, self._cursor(), now)


def test_the_loop_closes_and_what_accrued_is_told_once() -> None:
    clock = ManualClock(START)
    venue = Comparing("binance", clock)
    config = Config.model_validate({"lanes": ["binance"], "timing": Timing(refresh=60.0)})
    loop = LoopDriver(config, venues={"binance": venue}, clock=clock)
    loop.feed(trade("i1", loop.now, amount=D(1)))
    assert (loop.result("i1").status, loop.result("i1").outcome) == ("reconciled", "filled")
    venue.books.amounts[USDT] += D("0.25")
    loop.feed(trade("i2", loop.now, amount=D(1)))
    assert (loop.result("i2").status, loop.result("i2").outcome) == ("reconciled", "filled")
    venue.books.amounts[USDT] += D("0.5")
    loop.advance(61.0)
    accrued = [one for one in loop.records("fills") if one.kind == "accrual"]
    assert [delta.amount for one in accrued for delta in one.deltas] == [D("0.25"), D("0.5")]
    assert {one.venue_sequence for one in loop.records("fills")} == {None}
    assert loop.expected() == {key: amount for key, amount in venue.books.amounts.items() if amount}
    assert loop.halts() == () and not loop.dead_letters()


def test_a_restart_reads_on_from_what_was_compared_last() -> None:
    clock = ManualClock(START)
    venue = Comparing("binance", clock)
    loop = LoopDriver(Config.model_validate({"lanes": ["binance"]}), venues={"binance": venue}, clock=clock)
    loop.feed(trade("i1", loop.now, amount=D(1)))
    venue.books.amounts[USDT] += D("0.25")
    loop.restart("executor-binance")
    loop.restart("reconciliation")
    loop.feed(trade("i2", loop.now, amount=D(1)))
    assert loop.result("i2").status == "reconciled"
    accrued = [one for one in loop.records("fills") if one.kind == "accrual"]
    assert [delta.amount for one in accrued for delta in one.deltas] == [D("0.25")]
