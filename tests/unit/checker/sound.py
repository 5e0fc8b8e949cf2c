"""A small run in which everything holds, as the checker collects it; each test breaks one thing of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tightloop.checker import Collected, Seen, Venues

Record = dict[str, Any]
KEY, LANE = "s-1", "binance"
ROUTED, JOURNAL = f"instructions.{LANE}", f"execution_journal.{LANE}"
ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
USDT, BTC = "binance:BaseToken:USDT", "binance:BaseToken:BTC"
PLACE = {"strategy_id": KEY, "lane": LANE, "account": KEY}
READS = {  # what the writer of a topic reads
    **dict.fromkeys(
        (ROUTED, "instruction_results", "loop_state"),
        ("instructions", "reconciliation_results", "control", "dead_letters"),
    ),
    **dict.fromkeys(("fills", "execution_audit", JOURNAL), (ROUTED, "control")),
    **dict.fromkeys(("position_updates", "positions"), ("fills", "control")),
    **dict.fromkeys(("reconciliation_results", "venue_positions", "reconciliation_state"), ("position_updates",)),
    "dead_letters": ("instructions", "control"),
}


class Run:
    """Loop 1 adopts an account with 1000 USDT, each further one buys 1 BTC for 100 USDT; all reconciled."""

    def __init__(self, loops: int = 3) -> None:
        self.data = Collected()
        self.now = ORIGIN
        self.held: dict[str, Decimal] = {}
        self.account: Record = {
            "lane": LANE,
            "venue": LANE,
            "account": KEY,
            "opening": {USDT: "1000"},
            "balances": {USDT: "1000"},
            "ledger": [],
            "drifts": [],
            "orders": [],
            "transactions": [],
            "pending": [],
            "nonce": None,
        }
        self.data.venues = Venues([self.account], [])
        for loop_no in range(1, loops + 1):
            self._loop(loop_no)
        self.state("loop_state", "LoopHead", "head", halts=[], last_loop_no=loops)

    def put(self, topic: str, record: str, /, **value: Any) -> Seen:
        return self._append(topic, record, KEY, value)

    def state(self, topic: str, record: str, name: str, /, **value: Any) -> Seen:
        return self._append(topic, record, f"{KEY}|{name}", {"strategy_id": KEY, **value} if value else {})

    def _append(self, topic: str, record: str, key: str, value: Record) -> Seen:
        self.now += timedelta(milliseconds=5)
        records = self.data.topics[topic]
        read = ",".join(f"{one}:{len(self.data.topics[one])}" for one in READS.get(topic, ()))
        headers = {"inputs": read.encode()} if read else {}
        seen = Seen(topic, 0, len(records), int(self.now.timestamp() * 1000), key, record, value, headers)
        records.append(seen)
        self.data.ends[topic, 0] = len(records)
        return seen

    # one loop

    def _loop(self, loop_no: int) -> None:
        adopts = loop_no == 1
        name = None if adopts else f"i-{loop_no}"
        instruction = self._publish(name) if name else None
        dispatched = self.now
        kind = "adopt" if adopts else "execute"
        self.put(
            ROUTED,
            "RoutedInstruction",
            **PLACE,
            loop_no=loop_no,
            kind=kind,
            instruction=instruction,
            target_loop_no=None,
            dispatched_at=dispatched,
            not_after=dispatched + timedelta(seconds=30),
        )
        entry = self._trade(loop_no, name) if name else None
        if entry is None:
            deltas = [{"position_key": USDT, "amount": Decimal(1000), "source": "initial"}]
        else:
            deltas = [{**delta, "amount": Decimal(delta["amount"])} for delta in entry["deltas"]]
        for delta in deltas:
            self.held[delta["position_key"]] = self.held.get(delta["position_key"], Decimal(0)) + delta["amount"]
        self._report(loop_no, kind, name, entry, deltas)
        self._verify(loop_no, name, adopts, deltas)
        if name:
            self._end(loop_no, name, dispatched)

    def _publish(self, name: str) -> Record:
        seen = self.put(
            "instructions",
            "Instruction",
            strategy_id=KEY,
            instruction_id=name,
            type="cex_trade",
            sequence=None,
            created_at=self.now,
            expires_at=self.now + timedelta(seconds=30),
            cex_trade={"order_type": "market", "timeout_ms": None},
            cancel=None,
        )
        return seen.value

    def _trade(self, loop_no: int, name: str) -> Record:
        """Journalled, ordered, filled, told to the auditors."""
        intent = {"loop_no": loop_no, "attempt": 1, "client_order_id": f"client-{loop_no}"}
        self.journal(loop_no)
        self.now += timedelta(milliseconds=5)
        entry = {
            "entry_id": f"order-{loop_no}-1",
            "sequence": len(self.account["ledger"]) + 1,
            "kind": "trade",
            "client_order_id": f"client-{loop_no}",
            "amount": "1",
            "cost": "100",
            "deltas": [
                {"position_key": BTC, "amount": "1", "source": "trade"},
                {"position_key": USDT, "amount": "-100", "source": "trade"},
            ],
        }
        self.account["ledger"].append(entry)
        order = {"venue_order_id": f"order-{loop_no}", "status": "filled", "code": None, "filled": "1"}
        self.account["orders"].append({**order, "client_order_id": f"client-{loop_no}"})
        balances = self.account["balances"]
        for delta in entry["deltas"]:
            key = delta["position_key"]
            balances[key] = str(Decimal(balances.get(key, "0")) + Decimal(delta["amount"]))
        at = self.now.isoformat()
        self.data.venues.requests.append(
            {
                **PLACE,
                **intent,
                "number": len(self.data.venues.requests) + 1,
                "operation": "order",
                "instruction_id": name,
                "nonce": None,
                "tx_hash": None,
                "result": "acted",
                "status": "filled",
                "fault": None,
                "at": at,
                "arrived_at": at,
                "signed_at": at,
            }
        )
        audit = {**PLACE, **intent, "instruction_id": name}
        self.put("execution_audit", "IntentAudit", **audit, event="journalled", detail=None)
        self.put("execution_audit", "IntentAudit", **audit, event="finished", detail="filled")
        return entry

    def journal(self, loop_no: int, *, cancel_requested: bool = False, forgotten: bool = True) -> None:
        """What the executor wrote down of the loop's intent, and its end there."""
        name = f"intent|{loop_no:012d}|1"
        entry = {**PLACE, "loop_no": loop_no, "attempt": 1, "client_order_id": f"client-{loop_no}"}
        entry["submissions"] = [{"number": 1, "kind": "first", "transaction": None}]
        self.state(JOURNAL, "JournalEntry", name, **entry, journalled_at=self.now, cancel_requested=cancel_requested)
        if forgotten:
            self.state(JOURNAL, "(deleted)", name)

    def _report(self, loop_no: int, kind: str, name: str | None, entry: Record | None, deltas: list[Record]) -> None:
        cursor = str(len(self.account["ledger"]))
        filled = Decimal(1) if entry else Decimal(0)
        report = self.put(
            "fills",
            "ExecutionReport",
            **PLACE,
            report_id=f"report-{loop_no}",
            report_no=1,
            loop_no=loop_no,
            loop_kind=kind,
            kind="final",
            instruction_id=name,
            client_order_id=f"client-{loop_no}" if entry else None,
            outcome="filled" if entry else "none",
            amount=filled,
            cost=Decimal(100) if entry else None,
            deltas=deltas,
            venue_entry_id=entry and entry["entry_id"],
            venue_trade_ids=[entry["entry_id"]] if entry else [],
            account_cursor=cursor,
            corrects_report_id=None,
            resolved_by=None,
            observed_at=self.now,
            error=None,
        ).value
        accounts = [{"account": KEY, "cursor": cursor}]
        self.state(JOURNAL, "ExecutorHead", "head", last_loop_no=loop_no, accounts=accounts)
        touched = [delta["position_key"] for delta in deltas]
        self.put(
            "position_updates",
            "PositionUpdate",
            strategy_id=KEY,
            account=KEY,
            update_id=f"update-{loop_no}",
            position_version=loop_no,
            previous_version=loop_no - 1,
            report_id=report["report_id"],
            report_ids=[report["report_id"]],
            corrects_report_id=None,
            loop_no=loop_no,
            instruction_id=name,
            outcome=report["outcome"],
            filled_amount=filled,
            is_final=True,
            deltas=deltas,
            expected_positions=[{"position_key": key, "amount": self.held[key]} for key in touched],
        )
        self._sums("positions", "ExpectedPosition", "PositionHead", loop_no)
        self._sums("reconciliation_state", "FoldedPosition", "ReconciliationHead", loop_no)

    def _sums(self, topic: str, entry: str, head: str, version: int) -> None:
        for key, amount in self.held.items():
            self.state(topic, entry, f"position|{key}", position_key=key, amount=amount)
        self.state(topic, head, "head", position_version=version)

    def _verify(self, loop_no: int, name: str | None, adopts: bool, deltas: list[Record]) -> None:
        nothing = {"difference": Decimal(0), "tolerance": Decimal(0), "passed": True}
        positions = [{"position_key": key, "amount": amount} for key, amount in self.held.items() if amount]
        self.put(
            "venue_positions",
            "PositionSnapshot",
            **PLACE,
            snapshot_id=f"snapshot-{loop_no}",
            position_version=loop_no,
            as_of=self.now,
            venue_sequence=len(self.account["ledger"]),
            positions=positions,
            complete=True,
        )
        self.put(
            "reconciliation_results",
            "ReconciliationResult",
            strategy_id=KEY,
            account=KEY,
            result_id=f"result-{loop_no}",
            position_version=loop_no,
            loop_no=loop_no,
            instruction_id=name,
            outcome="filled" if name else "none",
            filled_amount=Decimal(1) if name else Decimal(0),
            report_ids=[f"report-{loop_no}"],
            status="matched",
            verified=True,
            snapshot_id=f"snapshot-{loop_no}",
            checks=[
                {**nothing, "position_key": key, "expected": held, "actual": held} for key, held in self.held.items()
            ],
            source="initial" if adopts else "trade",
            corrects_report_id=None,
        )

    def _end(self, loop_no: int, name: str, dispatched: datetime) -> None:
        self.put(
            "instruction_results",
            "InstructionResult",
            strategy_id=KEY,
            instruction_id=name,
            type="cex_trade",
            loop_no=loop_no,
            status="reconciled",
            outcome="filled",
            filled_amount=Decimal(1),
            report_ids=[f"report-{loop_no}"],
            position_version=loop_no,
            result_id=f"result-{loop_no}",
            resolves=None,
            error=None,
            dispatched_at=dispatched,
            finished_at=self.now,
        )

    # ways to break it

    def again(self, topic: str, /, **changes: Any) -> Seen:
        """The last record of a topic once more, with changes."""
        last = self.data.topics[topic][-1]
        return self._append(topic, last.kind, last.key or "", {**last.value, **changes})

    def refuse(self, status: str = "refused", code: str = "EIM-015", **changes: Any) -> None:
        """One instruction more, like the last, that was never dispatched."""
        self.again("instructions", instruction_id="i-9")
        nothing = {"outcome": None, "filled_amount": None, "report_ids": [], "result_id": None, "loop_no": None}
        error = {"code": code, "message": "because"} if code else None
        value = {"instruction_id": "i-9", "status": status, "error": error, "dispatched_at": None, **nothing}
        self.again("instruction_results", **value, **changes)

    def change(self, topic: str, **changes: Any) -> None:
        """The last record of a topic, otherwise."""
        self.data.topics[topic][-1].value.update(changes)

    def move(self, topic: str, index: int = -1, **changes: Any) -> None:
        """A record of a topic elsewhere, at another time, under another key, or with other headers."""
        records = self.data.topics[topic]
        records[index] = replace(records[index], **changes)

    def drop(self, topic: str, index: int = -1) -> None:
        del self.data.topics[topic][index]

    def request(self, **changes: Any) -> None:
        """The last request at the venue once more, with changes."""
        requests = self.data.venues.requests
        requests.append({**requests[-1], "number": len(requests) + 1, **changes})
