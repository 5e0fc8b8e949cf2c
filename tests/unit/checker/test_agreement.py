"""What must agree, and what must have a cause: each thing broken alone is found, by the rule that stands for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.checker.sound import BTC, JOURNAL, KEY, LANE, ORIGIN, ROUTED, USDT, Run

from tightloop.checker import Cause, Interruption, Skew, Terms, violations
from tightloop.checker.rules.places import partition_of

ERROR = {"code": "EXI-005", "message": "no answer"}
HALT = {"halt_id": "h-1", "code": "EXI-005", "message": "no answer", "cause_id": "result-3", "since": ORIGIN}
LOUD = ("fills", "position_updates", "reconciliation_results", "instruction_results")


def kinds(run: Run, terms: Terms | None = None) -> set[str]:
    return {one.kind for one in violations(run.data, terms or Terms())}


def along(run: Run, **changes: object) -> None:
    """The last loop, told otherwise from the report to the result."""
    for topic in LOUD:
        run.change(topic, **changes)


def outcome(run: Run, what: str, error: dict[str, str] | None = None) -> None:
    """The venue did something else with the last order, and it is told as it was."""
    along(run, outcome=what)
    run.change("fills", error=error)
    run.change("instruction_results", error=error)
    run.change("execution_audit", detail=what)


def nothing_done(run: Run, what: str, error: dict[str, str] | None = None) -> None:
    """The same, where the venue did nothing: no fill anywhere."""
    outcome(run, what, error)
    entry = run.account["ledger"].pop()
    run.account["orders"].pop()
    run.account["balances"] = {USDT: "900", BTC: "1"}
    held = {USDT: Decimal(900), BTC: Decimal(1)}
    run.change("fills", deltas=[], amount=Decimal(0), cost=None, venue_entry_id=None, venue_trade_ids=[])
    run.change("fills", account_cursor="1")
    run.change(JOURNAL, accounts=[{"account": KEY, "cursor": "1"}])
    told = {"filled_amount": Decimal(0)}
    run.change("position_updates", deltas=[], expected_positions=[], **told)
    checks = run.data.reconciliations[-1].value["checks"]
    checks = [{**one, "expected": held[one["position_key"]], "actual": held[one["position_key"]]} for one in checks]
    run.change("reconciliation_results", checks=checks, **told)
    run.change("instruction_results", **told)
    run.change(
        "venue_positions", venue_sequence=1, positions=[{"position_key": key, "amount": held[key]} for key in held]
    )
    for topic in ("positions", "reconciliation_state"):
        for seen in run.data.topics[topic][-3:-1]:
            seen.value["amount"] = held[seen.value["position_key"]]
    run.data.venues.requests[-1].update(status="cancelled", result="acted")
    assert entry["client_order_id"] == "client-3"


def cancelled(run: Run) -> None:
    nothing_done(run, "cancelled")
    order = {"venue_order_id": "order-3", "client_order_id": "client-3", "status": "cancelled", "code": None}
    run.account["orders"].append(order)


def unknown(run: Run) -> None:
    """The last loop ended unknown, halted its key, and was resolved: it had been filled."""
    outcome(run, "unknown", ERROR)
    run.change("execution_audit", event="unknown")
    run.change("instruction_results", status="halted")
    resolved = {"outcome": "filled", "corrects_report_id": "report-3", "report_ids": ["report-3", "report-4"]}
    run.again(
        "fills",
        report_id="report-4",
        report_no=2,
        kind="correction",
        outcome="filled",
        corrects_report_id="report-3",
        resolved_by="evidence",
        amount=Decimal(0),
        cost=None,
        deltas=[],
        venue_entry_id=None,
        venue_trade_ids=[],
        error=None,
    )
    run.again("execution_audit", event="resolved", detail="filled")
    update = {"update_id": "update-4", "position_version": 4, "previous_version": 3, "report_id": "report-4"}
    run.again("position_updates", **update, **resolved, deltas=[], expected_positions=[])
    for topic in ("positions", "reconciliation_state"):
        run.again(topic, position_version=4)
    run.again("venue_positions", snapshot_id="snapshot-4", position_version=4)
    end = {"result_id": "result-4", "position_version": 4, "snapshot_id": "snapshot-4"}
    run.again("reconciliation_results", **end, **resolved)
    told = {**resolved, "resolves": resolved.pop("corrects_report_id"), "outcome": "filled"}
    del told["corrects_report_id"]
    del end["snapshot_id"]
    run.again("instruction_results", **end, **told, status="reconciled", error=None)
    run.again("loop_state", halts=[HALT])


BLIND = Terms(causes=(Cause("unknown", lane=LANE, strategy_id=KEY),))


def dead_letter(run: Run, code: str = "EIM-001") -> None:
    run.put(
        "dead_letters",
        "DeadLetter",
        topic="instructions",
        partition=0,
        offset=run.data.instructions[-1].offset,
        strategy_id=KEY,
        component="interface-manager",
        halts=False,
        error={"code": code, "message": "a bug"},
    )


def never_handled(run: Run) -> None:
    run.again("instructions", instruction_id="i-9")
    dead_letter(run)


def left_open(run: Run) -> None:
    run.account["orders"].insert(0, {"venue_order_id": "x", "client_order_id": "client-2", "status": "open"})


def nobodys_order(run: Run) -> None:
    run.account["orders"].append({"venue_order_id": "x", "client_order_id": "by-hand", "status": "open"})


def doubled(run: Run) -> None:
    along(run, filled_amount=Decimal(2))


def update_of_another_report(run: Run) -> None:
    for topic in ("position_updates", "reconciliation_results"):
        run.change(topic, report_ids=["report-1"])


def journalled_after_the_call(run: Run) -> None:
    run.data.venues.requests[0].update(arrived_at=run.data.instructions[0].value["created_at"].isoformat())


def signed_too_late(run: Run) -> None:
    run.data.venues.requests[-1].update(signed_at=(run.now + timedelta(seconds=4)).isoformat())


def cancelled_without_a_journal(run: Run) -> None:
    run.again(ROUTED, kind="cancel", target_loop_no=3)
    run.request(operation="cancel")


def check(run: Run, **changes: object) -> None:
    run.data.reconciliations[-1].value["checks"][-1].update(changes)


def shown(run: Run, amount: str) -> None:
    """The venue's last snapshot says so, and the check agrees with it."""
    run.data.snapshots[-1].value["positions"][-1].update(amount=Decimal(amount))
    actual = Decimal(amount)
    check(run, actual=actual, difference=actual - 2, tolerance=Decimal(9))


def head(run: Run, topic: str, **changes: object) -> None:
    run.data.topics[topic][-1].value.update(changes)


def wrong_partition(run: Run) -> None:
    run.data.ends = {(topic, partition): 99 for topic in run.data.topics for partition in (0, 1)}
    for topic in run.data.topics:
        for index in range(len(run.data.topics[topic])):
            run.move(topic, index, partition=partition_of(KEY, 2) if topic != "execution_audit" else 0)
    run.move("fills", partition=1 - partition_of(KEY, 2))


BREAKS: list[tuple[str, Callable[[Run], object]]] = [
    ("update-otherwise", update_of_another_report),
    ("reconciled-otherwise", lambda run: run.change("reconciliation_results", filled_amount=Decimal(2))),
    ("reconciled-otherwise", lambda run: run.change("reconciliation_results", outcome="cancelled")),
    ("result-otherwise", lambda run: run.change("instruction_results", report_ids=[])),
    ("result-otherwise", lambda run: run.change("instruction_results", result_id="result-2")),
    ("result-otherwise", lambda run: run.change("instruction_results", result_id="nowhere")),
    ("outcome-otherwise", lambda run: run.account["orders"][-1].update(status="cancelled")),
    ("left-open", left_open),
    ("left-open", nobodys_order),
    ("dead-letter-unexplained", never_handled),
    ("halt-unexplained", lambda run: run.change("loop_state", halts=[HALT])),
    ("outcome-unexplained", cancelled),
    ("outcome-unexplained", lambda run: nothing_done(run, "rejected", {"code": "EXI-001", "message": "a bug"})),
    ("outcome-unexplained", lambda run: nothing_done(run, "none", {"code": "EIM-010", "message": "too early"})),
    ("result-undue", Run.refuse),
    ("result-undue", lambda run: run.refuse(code="EIM-011")),
    ("result-undue", lambda run: run.refuse("expired", "EIM-010")),
    ("result-undue", lambda run: run.refuse("cancelled", "")),
    ("not-journalled", journalled_after_the_call),
    ("not-journalled", lambda run: run.data.topics[JOURNAL].pop(4)),
    ("journalled-otherwise", signed_too_late),
    ("journalled-otherwise", cancelled_without_a_journal),
    ("audit-otherwise", lambda run: run.change("execution_audit", detail="cancelled")),
    ("audit-otherwise", lambda run: run.drop("execution_audit")),
    ("audit-missing", lambda run: run.drop("execution_audit", -2)),
    ("check-otherwise", lambda run: run.change("reconciliation_results", snapshot_id="nowhere")),
    ("check-otherwise", lambda run: run.change("reconciliation_results", verified=False)),
    ("check-otherwise", lambda run: check(run, actual=Decimal(7), difference=Decimal(5), tolerance=Decimal(9))),
    ("check-otherwise", lambda run: check(run, expected=Decimal(7), difference=Decimal(-5), tolerance=Decimal(9))),
    ("check-otherwise", lambda run: check(run, difference=Decimal(1), tolerance=Decimal(9))),
    ("snapshot-otherwise", lambda run: shown(run, "3")),
    ("snapshot-otherwise", lambda run: run.change("venue_positions", venue_sequence=9)),
    ("state-otherwise", lambda run: head(run, "positions", position_version=2)),
    ("state-otherwise", lambda run: run.drop("positions", -2)),
    ("state-otherwise", lambda run: head(run, "reconciliation_state", position_version=2)),
    ("state-otherwise", lambda run: run.state("reconciliation_state", "PendingVerification", "p", position_version=3)),
    ("state-otherwise", lambda run: run.change("loop_state", last_loop_no=9)),
    (
        "state-otherwise",
        lambda run: run.state("loop_state", "QueuedInstruction", "q", instruction={"instruction_id": "i-3"}),
    ),
    ("state-otherwise", lambda run: run.journal(3, forgotten=False)),
    ("state-otherwise", lambda run: run.change(JOURNAL, last_loop_no=9)),
    ("state-otherwise", lambda run: run.change(JOURNAL, accounts=[{"account": KEY, "cursor": "0"}])),
    ("key-otherwise", lambda run: run.move("fills", key="s-2")),
    ("key-otherwise", lambda run: run.move("positions", key="s-2|head")),
    ("partition-otherwise", wrong_partition),
    ("inputs-unreadable", lambda run: run.move("fills", headers={})),
    ("inputs-unreadable", lambda run: run.move("fills", headers={"inputs": b"control:1,nonsense"})),
    ("inputs-went-back", lambda run: run.move("fills", headers={"inputs": f"control:0,{ROUTED}:1".encode()})),
    ("inputs-beyond", lambda run: run.move("fills", headers={"inputs": f"control:0,{ROUTED}:4".encode()})),
]


@pytest.mark.parametrize(
    ("kind", "broken"), BREAKS, ids=[f"{number}-{kind}" for number, (kind, _) in enumerate(BREAKS)]
)
def test_each_broken_record_is_found_by_its_own_rule_alone(kind: str, broken: Callable[[Run], object]) -> None:
    run = Run()
    broken(run)
    assert kinds(run) == {kind}


def test_a_filled_amount_that_was_doubled_on_its_way_is_found() -> None:
    run = Run()
    doubled(run)
    assert kinds(run) == {"update-otherwise", "result-otherwise", "filled-otherwise"}


def test_an_amount_that_was_reported_otherwise_is_found_in_the_books() -> None:
    run = Run()
    doubled(run)
    run.change("fills", amount=Decimal(2))
    assert kinds(run) == {"fill-otherwise", "filled-otherwise"}


def test_what_a_later_step_of_a_chain_takes_fills_nothing() -> None:
    run = Run()
    run.change("fills", attempt=2)
    run.data.venues.requests[-1]["attempt"] = 2
    assert {"fill-otherwise", "filled-otherwise"} <= set(kinds(run))
    for topic in ("position_updates", "reconciliation_results", "instruction_results"):
        run.change(topic, filled_amount=Decimal(0))
    run.change("fills", amount=Decimal(0))
    assert not {"fill-otherwise", "filled-otherwise", "update-otherwise", "result-otherwise"} & set(kinds(run))


def mined(tx_hash: str, client_order_id: str, nonce: int) -> dict[str, object]:
    entry = {"deltas": [{"position_key": BTC, "amount": "1", "source": "trade"}]}
    named = {"tx_hash": tx_hash, "client_order_id": client_order_id, "nonce": nonce}
    return {**named, "status": "filled", "code": None, "entry": entry}


def test_a_chain_may_take_siblings_and_mines_one_of_them() -> None:
    run = Run()
    run.request(operation="transaction", tx_hash="0xab", nonce=7, client_order_id="client-x", loop_no=9)
    run.request(operation="transaction", tx_hash="0xcd", nonce=7, client_order_id="client-x", loop_no=9)
    run.account["transactions"] += [mined("0xab", "client-x", 7)]
    assert "acted-twice" not in kinds(run)
    run.account["transactions"] += [mined("0xcd", "client-x", 8)]
    assert "acted-twice" in kinds(run)
    run.account["transactions"][-1] = mined("0xcd", "client-y", 7)
    assert "acted-twice" in kinds(run)


def test_a_transaction_that_cost_its_gas_alone_is_what_its_receipt_says() -> None:
    """To switch a collateral off moves nothing; an empty one, which only takes the nonce, is ``cancelled``."""
    run = Run()
    run.account["orders"].pop()
    gas = {"position_key": "wallet:BaseToken:ETH", "amount": "-0.001", "source": "gas"}
    receipt = {**mined("0xab", "client-3", 7), "entry": {"deltas": [gas]}}
    run.account["transactions"].append(receipt)
    assert "outcome-otherwise" not in kinds(run)
    receipt["status"] = "cancelled"
    assert "outcome-otherwise" in kinds(run)
    outcome(run, "partially_filled")
    assert "outcome-otherwise" not in kinds(run)


def test_a_correction_may_be_verified_by_the_comparison_of_another_version() -> None:
    run = Run()
    run.change("venue_positions", position_version=2)
    assert "check-otherwise" in kinds(run)
    run.change("reconciliation_results", source="adjustment")
    assert "check-otherwise" not in kinds(run)
    run.change("venue_positions", positions=[])
    assert "check-otherwise" in kinds(run)


def test_what_waits_in_a_mempool_belongs_to_a_loop_that_has_not_ended() -> None:
    run = Run()
    run.account["pending"].append({"tx_hash": "0xab", "client_order_id": "client-3"})
    assert kinds(run) == {"left-open"}


def test_a_transaction_must_be_journalled_by_its_hash() -> None:
    run = Run()
    run.data.venues.requests[-1]["tx_hash"] = "0xab"
    assert kinds(run) == {"not-journalled"}
    for seen in run.data.journal:
        seen.value["submissions"] = [
            {"number": number, "transaction": {"tx_hash": tx_hash}} for number, tx_hash in enumerate(("0xcd", "0xab"))
        ]
    assert kinds(run) == set()


def test_an_unknown_needs_a_fault_that_explains_it() -> None:
    run = Run()
    unknown(run)
    assert kinds(run) == {"unknown-unexplained"}
    assert kinds(run, BLIND) == set()
    assert kinds(run, Terms(causes=(Cause("unknown", lane="ethereum"),))) == {"unknown-unexplained"}
    early = Cause("unknown", until_ms=int(run.now.timestamp() * 1000) - 1_000)
    assert kinds(run, Terms(causes=(early,))) == {"unknown-unexplained"}


def test_an_unknown_whose_executor_was_dead_when_it_was_to_send_is_explained_if_no_request_came() -> None:
    run = Run()
    unknown(run)
    journalled = max(seen.at_ms for seen in run.data.journal if seen.value["loop_no"] == 3)
    dead = Interruption(LANE, journalled + 2_000, journalled + 5_000)
    assert kinds(run, Terms(interruptions=(dead,))) == {"unknown-unexplained"}, "its request came all the same"
    run = Run()
    nothing_done(run, "unknown", ERROR)
    run.change("execution_audit", event="unknown")
    run.data.venues.requests.pop()
    assert "unknown-unexplained" in kinds(run)
    assert "unknown-unexplained" not in kinds(run, Terms(interruptions=(dead,)))
    for other in (
        Interruption("ethereum", dead.since_ms, dead.until_ms),
        Interruption(LANE, journalled - 5_000, journalled - 1),
        Interruption(LANE, journalled + 3_001, journalled + 5_000),
    ):
        assert "unknown-unexplained" in kinds(run, Terms(interruptions=(other,))), other


def test_an_order_that_no_cancel_reached_is_unknown_if_its_executor_was_dead() -> None:
    run = Run()
    unknown(run)
    still_open = {"code": "EXI-012", "message": "the order is still open"}
    (told,) = [seen for seen in run.data.reports if seen.value["outcome"] == "unknown"]
    told.value["error"] = still_open
    journalled = max(seen.at_ms for seen in run.data.journal if seen.value["loop_no"] == 3)
    dead = Terms(interruptions=(Interruption(LANE, journalled + 2_000, journalled + 5_000),))
    assert "unknown-unexplained" in kinds(run)
    assert "unknown-unexplained" not in kinds(run, dead)
    for at_ms, found in ((told.at_ms, True), (told.at_ms + 1, False)):
        arrived = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
        run.request(operation="cancel", arrived_at=arrived)
        assert ("unknown-unexplained" in kinds(run, dead)) is found
        run.data.venues.requests.pop()
    told.value["error"] = {**still_open, "code": "EXI-005"}
    assert "unknown-unexplained" in kinds(run, dead)


def test_an_unknown_whose_request_a_fault_has_struck_is_explained() -> None:
    run = Run()
    unknown(run)
    run.data.venues.requests[-1].update(fault="duplicate_answer")
    assert kinds(run) == {"unknown-unexplained"}
    run.data.venues.requests[-1].update(fault="lost_after")
    assert kinds(run) == set()


def test_a_mismatch_by_what_accrued_since_the_ledger_was_read_is_explained() -> None:
    run = Run()
    interest = {"position_key": USDT, "amount": "0.5", "source": "funding"}
    entry = {"entry_id": "funding-1", "sequence": 3, "kind": "funding", "client_order_id": None, "deltas": [interest]}
    run.account["ledger"].append({**entry, "amount": "0", "cost": None})
    run.account["balances"][USDT] = "800.5"
    shown = [{"position_key": USDT, "amount": Decimal("800.5")}, {"position_key": BTC, "amount": Decimal(2)}]
    run.change("venue_positions", venue_sequence=3, positions=shown)
    checks = run.data.reconciliations[-1].value["checks"]
    checks[0].update(actual=Decimal("800.5"), difference=Decimal("0.5"), passed=False)
    run.change("reconciliation_results", status="mismatched", verified=False)
    run.change("instruction_results", status="halted")
    run.again("loop_state", halts=[{**HALT, "code": "REC-002"}])
    assert kinds(run) == set()
    run.account["ledger"][-1]["deltas"][0]["amount"] = "0.4"
    assert "halt-unexplained" in kinds(run)


def test_a_resolved_unknown_has_its_record() -> None:
    run = Run()
    unknown(run)
    run.drop("instruction_results")
    assert kinds(run, BLIND) == {"resolution-untold"}
    unknown(run := Run())
    run.change("instruction_results", filled_amount=Decimal(2))
    assert kinds(run, BLIND) == {"result-otherwise", "filled-otherwise"}


def test_a_cancel_a_timeout_or_an_expiry_explains_what_was_cancelled() -> None:
    run = Run()
    cancelled(run)
    run.again(ROUTED, kind="cancel", target_loop_no=3)
    assert kinds(run) == set()
    cancelled(run := Run())
    run.change(ROUTED, instruction={"cex_trade": {"timeout_ms": 500}})
    run.change("fills", observed_at=run.data.loops[-1].value["dispatched_at"] + timedelta(seconds=1))
    assert kinds(run) == set()
    run.change(ROUTED, instruction={"cex_trade": {"timeout_ms": 5000}})
    assert kinds(run) == {"outcome-unexplained"}
    run.change(ROUTED, not_after=run.now)
    assert kinds(run) == set()


def test_what_was_never_submitted_had_no_time_left() -> None:
    run = Run()
    nothing_done(run, "none", {"code": "EIM-010", "message": "too late"})
    run.change("instruction_results", status="expired")
    assert kinds(run) == {"outcome-unexplained"}
    run.change(ROUTED, instruction={"cex_trade": {"timeout_ms": 50}})
    assert kinds(run) == set()


def test_a_halted_key_refuses_and_a_correction_may_come_while_positions_are_compared() -> None:
    run = Run()
    run.refuse(code="EIM-011")
    run.put("control", "ControlCommand", strategy_id=KEY, command="halt", command_id="c", cancel_working=False)
    run.again("loop_state", halts=[{**HALT, "cause_id": "c"}])
    assert kinds(run) == set()
    run = Run()
    late = run.data.reconciliations[-2].value["checks"]
    for one, amount in zip(late, (Decimal(800), Decimal(2)), strict=True):
        one.update(expected=amount, actual=amount)
    run.data.snapshots[-2].value.update(run.data.snapshots[-1].value | {"snapshot_id": "snapshot-2"})
    run.data.snapshots[-2].value.update(position_version=2)
    run.move("reconciliation_results", -2, at_ms=run.data.reconciliations[-1].at_ms)
    assert "check-otherwise" not in kinds(run)


def test_a_venue_that_cancels_by_its_own_rules_explains_it() -> None:
    run = Run()
    cancelled(run)
    run.account["orders"][-1].update(code="slippage_limit")
    assert kinds(run) == set()
    cancelled(run := Run())
    run.data.venues.requests[-1].update(fault="partial")
    assert kinds(run) == set()


def test_a_fault_explains_a_dead_letter_of_its_code_and_key_only() -> None:
    run = Run()
    never_handled(run)
    assert kinds(run, Terms(causes=(Cause("dead-letter", ("EIM-001",), KEY),))) == set()
    for other in (Cause("dead-letter", ("EIM-007",)), Cause("dead-letter", strategy_id="s-2"), Cause("halt")):
        assert kinds(run, Terms(causes=(other,))) == {"dead-letter-unexplained"}


def test_an_id_used_again_with_other_content_explains_its_dead_letter() -> None:
    run = Run()
    run.again("instructions", cex_trade={"order_type": "limit", "timeout_ms": None})
    dead_letter(run, "EIM-009")
    assert kinds(run) == set()
    run = Run()
    run.again("instructions")  # the same again is none
    dead_letter(run, "EIM-009")
    assert kinds(run) == {"dead-letter-unexplained"}


def test_a_venues_clock_that_was_known_to_be_late_is_taken_into_account() -> None:
    run = Run()
    request = run.data.venues.requests[-1]
    now = int(run.now.timestamp() * 1000)
    late = run.data.loops[-1].value["dispatched_at"] - timedelta(milliseconds=200)
    request.update(at=late.isoformat(), arrived_at=late.isoformat())
    assert kinds(run) == {"acted-early", "not-journalled"}
    assert kinds(run, Terms(skews=(Skew(now - 10_000, now, -300),))) == set()
    assert kinds(run, Terms(skews=(Skew(now - 10_000, now - 5_000, -300),))) == {"acted-early", "not-journalled"}


def test_the_three_defects_at_once_fail_the_verdict() -> None:
    """3 % of instructions dead-lettered by a bug, orders cancelled without a cancel, ``filled_amount`` doubled."""
    run = Run(loops=4)
    cancelled_instead(run)
    run.data.results[0].value.update(filled_amount=Decimal(2))
    never_handled(run)
    found = kinds(run)
    assert {"dead-letter-unexplained", "outcome-unexplained", "result-otherwise", "filled-otherwise"} <= found


def cancelled_instead(run: Run) -> None:
    """The last order was given up by a bug: the venue shows that it was not cancelled."""
    outcome(run, "cancelled")
