"""A small run in which everything holds, as the checker collects it; each test breaks one thing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.checker import Collected, Seen, Venues

Record = dict[str, Any]
KEY, LANE = "s-1", "binance"
ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
USDT, BTC = "binance:BaseToken:USDT", "binance:BaseToken:BTC"


class Run:
    """Loop 1 adopts an account with 1000 USDT, each further one buys 1 BTC for 100 USDT; all reconciled."""

    def __init__(self, loops: int = 3) -> None:
        self.data = Collected()
        self.now = ORIGIN
        self.held = {USDT: Decimal(1000)}
        self.account: Record = {
            "lane": LANE,
            "account": KEY,
            "opening": {USDT: "1000"},
            "balances": {USDT: "1000"},
            "ledger": [],
            "nonce": None,
        }
        self.data.venues = Venues([self.account], [])
        for loop_no in range(1, loops + 1):
            self._loop(loop_no)
        self.put("loop_state", "LoopHead", strategy_id=KEY, halts=[])

    def put(self, topic: str, record: str, /, **value: Any) -> Seen:
        self.now += timedelta(milliseconds=5)
        records = self.data.topics[topic]
        seen = Seen(topic, 0, len(records), int(self.now.timestamp() * 1000), KEY, record, value)
        records.append(seen)
        return seen

    def _loop(self, loop_no: int) -> None:
        adopts = loop_no == 1
        name = None if adopts else f"i-{loop_no}"
        if name:
            self.put("instructions", "Instruction", strategy_id=KEY, instruction_id=name)
        dispatched = self.now
        kind = "adopt" if adopts else "execute"
        self.put(
            f"instructions.{LANE}",
            "RoutedInstruction",
            strategy_id=KEY,
            loop_no=loop_no,
            kind=kind,
            lane=LANE,
            account=KEY,
        )
        entry = None if adopts else self._trade(loop_no, name or "")
        deltas = (
            [{"position_key": USDT, "amount": Decimal(1000), "source": "initial"}]
            if entry is None
            else [{**delta, "amount": Decimal(delta["amount"])} for delta in entry["deltas"]]
        )
        for delta in deltas if entry else ():
            self.held[delta["position_key"]] = self.held.get(delta["position_key"], Decimal(0)) + delta["amount"]
        report_id = f"report-{loop_no}"
        self.put(
            "fills",
            "ExecutionReport",
            strategy_id=KEY,
            report_id=report_id,
            report_no=1,
            loop_no=loop_no,
            loop_kind=kind,
            kind="final",
            outcome="none" if adopts else "filled",
            lane=LANE,
            account=KEY,
            deltas=deltas,
            venue_entry_id=entry and entry["entry_id"],
            venue_trade_ids=[entry["entry_id"]] if entry else [],
            account_cursor=str(len(self.account["ledger"])),
            error=None,
        )
        touched = [delta["position_key"] for delta in deltas]
        self.put(
            "position_updates",
            "PositionUpdate",
            strategy_id=KEY,
            update_id=f"update-{loop_no}",
            position_version=loop_no,
            previous_version=loop_no - 1,
            report_id=report_id,
            loop_no=loop_no,
            is_final=True,
            deltas=deltas,
            expected_positions=[{"position_key": key, "amount": self.held[key]} for key in touched],
        )
        self.put(
            "reconciliation_results",
            "ReconciliationResult",
            strategy_id=KEY,
            result_id=f"result-{loop_no}",
            position_version=loop_no,
            loop_no=loop_no,
            status="matched",
            source="initial" if adopts else "trade",
            corrects_report_id=None,
        )
        if name:
            self.put(
                "instruction_results",
                "InstructionResult",
                strategy_id=KEY,
                instruction_id=name,
                loop_no=loop_no,
                status="reconciled",
                outcome="filled",
                resolves=None,
                dispatched_at=dispatched,
                finished_at=self.now,
            )

    def _trade(self, loop_no: int, name: str) -> Record:
        self.now += timedelta(milliseconds=5)
        entry = {
            "entry_id": f"order-{loop_no}-1",
            "sequence": len(self.account["ledger"]) + 1,
            "kind": "trade",
            "client_order_id": f"client-{loop_no}",
            "deltas": [
                {"position_key": BTC, "amount": "1", "source": "trade"},
                {"position_key": USDT, "amount": "-100", "source": "trade"},
            ],
        }
        self.account["ledger"].append(entry)
        balances = self.account["balances"]
        for delta in entry["deltas"]:
            key = delta["position_key"]
            balances[key] = str(Decimal(balances.get(key, "0")) + Decimal(delta["amount"]))
        self.data.venues.requests.append(
            {
                "number": len(self.data.venues.requests) + 1,
                "lane": LANE,
                "operation": "order",
                "account": KEY,
                "strategy_id": KEY,
                "instruction_id": name,
                "loop_no": loop_no,
                "attempt": 1,
                "client_order_id": f"client-{loop_no}",
                "nonce": None,
                "result": "acted",
                "at": self.now.isoformat(),
            }
        )
        return entry

    # ways to break it

    def again(self, topic: str, /, **changes: Any) -> Seen:
        """The last record of a topic once more, with changes."""
        last = self.data.topics[topic][-1]
        return self.put(topic, last.kind, **{**last.value, **changes})

    def change(self, topic: str, **changes: Any) -> None:
        """The last record of a topic, otherwise."""
        self.data.topics[topic][-1].value.update(changes)

    def drop(self, topic: str, index: int = -1) -> None:
        del self.data.topics[topic][index]

    def request(self, **changes: Any) -> None:
        """The last request at the venue once more, with changes."""
        requests = self.data.venues.requests
        requests.append({**requests[-1], "number": len(requests) + 1, **changes})
