"""All records of a loop agree: reports, updates, reconciliation, result, and the venue's books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.exact import total
from tightloop.checker.verdict import Terms, Violation

Loop = tuple[str, int]  # strategy, loop_no


def updates_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """An update tells the outcome of its report, and what its loop has filled and reported up to it."""
    reports = {seen.value["report_id"]: seen.value for seen in data.reports}
    told: defaultdict[Loop, list[Record]] = defaultdict(list)
    for seen in data.updates:
        report = reports.get(seen.value["report_id"])
        if report is None:  # an adjustment, or judged by another rule
            continue
        so_far = told[loop_of(seen)]
        so_far.append(report)
        wrong = _differences(
            seen.value,
            outcome=report["outcome"],
            filled_amount=total(one["amount"] for one in so_far),
            report_ids=[one["report_id"] for one in so_far],
            is_final=report["kind"] in ("final", "correction"),
        )
        if wrong:
            yield Violation("update-otherwise", seen.value["strategy_id"], f"{seen.place}: {wrong}")


def reconciliations_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A reconciliation result tells what the final update told that it verifies."""
    updates = {(seen.value["strategy_id"], seen.value["position_version"]): seen.value for seen in data.updates}
    for seen in data.reconciliations:
        update = updates.get((seen.value["strategy_id"], seen.value["position_version"]))
        if update is None or update["report_id"] is None:
            continue
        names = ("outcome", "filled_amount", "report_ids", "loop_no", "instruction_id", "corrects_report_id", "account")
        wrong = _differences(seen.value, **{name: update[name] for name in names})
        if wrong:
            yield Violation("reconciled-otherwise", seen.value["strategy_id"], f"{seen.place}: {wrong}")


def results_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A result of a loop tells the loop's outcome, what its reports filled, and which they were; and it ends with a
    reconciliation result that says what its status says.
    """
    told = _reports(data)
    ended = {seen.value["result_id"]: seen.value for seen in data.reconciliations}
    for seen in data.results:
        value = seen.value
        if value["type"] == "cancel":
            wrong = _differences(value, outcome="none" if value["status"] == "reconciled" else None, filled_amount=None)
        elif value["loop_no"] is None:
            wrong = _differences(value, outcome=None, filled_amount=None, report_ids=[], result_id=None)
        elif value["result_id"] is None:  # a resume has ended the loop, which could not end by itself
            wrong = _differences(value, status="halted", outcome="unknown")
        else:
            wrong = _against_reports(value, told[loop_of(seen)]) or _against_end(value, ended.get(value["result_id"]))
        if wrong:
            what = f"{seen.place}: {value['instruction_id']}: {wrong}"
            yield Violation("result-otherwise", value["strategy_id"], what)


def _against_reports(value: Record, reports: list[Record]) -> str:
    resolves = value["resolves"]
    known = [one for one in reports if one["kind"] != "correction" or resolves is not None]
    last = known[-1] if known else None
    if last is None or last["kind"] not in ("final", "correction"):
        return "its loop has no final report"
    return _differences(
        value,
        outcome=last["outcome"],
        filled_amount=total(one["amount"] for one in known),
        report_ids=[one["report_id"] for one in known],
        **({"resolves": last["corrects_report_id"]} if resolves is not None else {}),
    )


def _against_end(value: Record, end: Record | None) -> str:
    if end is None:
        return f"the reconciliation result {value['result_id']} does not exist"
    if value["status"] in ("reconciled", "expired") and end["status"] != "matched":
        return f"{value['status']}, and {end['result_id']} is {end['status']}"
    if value["status"] in ("reconciled", "expired") and value["outcome"] == "unknown":
        return f"{value['status']}, and its outcome is unknown"
    return _differences(value, position_version=end["position_version"], strategy_id=end["strategy_id"])


@dataclass
class Booked:
    """What a venue's books hold of one loop: the entries of its orders and transactions, and how these ended."""

    amounts: list[Decimal] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    steps: int = 1  # how many transactions it is done with

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes that the loop may have had."""
        filled = bool(total(self.amounts))
        cut = "partially_filled" if filled else "cancelled"
        if not self.statuses:
            return ("none", "rejected", "cancelled")
        if self.steps > 1 and "filled" in self.statuses and self.statuses.count("filled") < self.steps:
            return ("partially_filled",)
        of = {"filled": "filled", "reverted": "rolled_back", "cancelled": cut, "rejected": "rejected", "open": "open"}
        return (of.get(self.statuses[-1], self.statuses[-1]),)


def results_agree_with_books(data: Collected, terms: Terms) -> Iterator[Violation]:
    """An instruction's outcome and filled amount are those of the venue's books."""
    if not terms.complete:
        return
    booked, steps = _booked(data), _steps(data)
    latest = {loop_of(seen): seen for seen in data.results if seen.value["type"] != "cancel"}
    for loop, seen in latest.items():
        value = seen.value
        if value["loop_no"] is None or value["outcome"] == "unknown":
            continue
        there = booked[loop]
        there.steps = steps.get(loop, 1)
        held = total(there.amounts)
        if (value["filled_amount"] or Decimal(0)) != held:
            what = f"{seen.place}: {value['instruction_id']} filled {value['filled_amount']}, by the books {held}"
            yield Violation("filled-otherwise", loop[0], what)
        if value["outcome"] not in there.outcomes:
            what = f"{seen.place}: {value['instruction_id']} is {value['outcome']}, by the books {there.outcomes}"
            yield Violation("outcome-otherwise", loop[0], what)


def nothing_left_open(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What is open at a venue belongs to a loop that has not ended, or to one that is watched: it ended ``unknown``."""
    final = {loop_of(seen): seen.value for seen in data.reports if seen.value["kind"] == "final"}
    resolved = {loop_of(seen) for seen in data.reports if seen.value["kind"] == "correction"}
    loops = _loops_of_orders(data)
    for account in data.venues.accounts:
        working = [(one, f"the order {one['venue_order_id']}") for one in account["orders"] if one["status"] == "open"]
        for order, what in (*working, *((one, f"transaction {one['tx_hash']}") for one in account["pending"])):
            loop = loops.get((account["lane"], account["account"], order["client_order_id"]))
            name = f"{account['lane']}: {what} is open"
            if loop is None:
                yield Violation("left-open", "", f"{name}, and nobody has asked for it")
            elif loop in final and (final[loop]["outcome"] != "unknown" or loop in resolved):
                yield Violation("left-open", loop[0], f"{name}, and loop {loop[1]} is over")


def loop_of(seen: Seen) -> Loop:
    return seen.value["strategy_id"], seen.value["loop_no"]


def _reports(data: Collected) -> defaultdict[Loop, list[Record]]:
    """Each loop's, in their order."""
    told: defaultdict[Loop, list[Record]] = defaultdict(list)
    for seen in data.reports:
        told[loop_of(seen)].append(seen.value)
    for reports in told.values():
        reports.sort(key=lambda one: int(one["report_no"]))
    return told


def _loops_of_orders(data: Collected) -> dict[tuple[str, str, str], Loop]:
    """By lane, account and client order id, from what the venues were asked to do."""
    return {
        (one["lane"], one["account"], one["client_order_id"]): (one["strategy_id"], one["loop_no"])
        for one in data.venues.requests
        if one["operation"] != "cancel"
    }


def _later_steps(data: Collected) -> set[tuple[str, str, str]]:
    """Transactions of a chain's second step and those after it: what a chain fills is what its first one takes."""
    requests = data.venues.requests
    return {(one["lane"], one["account"], one["client_order_id"]) for one in requests if (one["attempt"] or 1) > 1}


def _steps(data: Collected) -> dict[Loop, int]:
    """Of chains that are not atomic: how many transactions each needs."""
    found = {}
    for seen in data.loops:
        instruction = seen.value["instruction"]
        chain = instruction.get("smart_contract_action") if instruction else None
        if chain is not None and not chain["atomic"]:
            found[loop_of(seen)] = len(chain["actions"])
    return found


def _booked(data: Collected) -> defaultdict[Loop, Booked]:
    loops, later = _loops_of_orders(data), _later_steps(data)
    found: defaultdict[Loop, Booked] = defaultdict(Booked)
    for account in data.venues.accounts:
        place = account["lane"], account["account"]
        for entry in account["ledger"]:
            order = (*place, entry["client_order_id"] or "")
            loop = loops.get(order)
            if loop is not None and order not in later:
                found[loop].amounts.append(Decimal(entry["amount"]))
        for ended in (*account["orders"], *account["transactions"], *account.get("transfers", ())):
            loop = loops.get((*place, ended["client_order_id"]))
            if loop is not None:
                found[loop].statuses.append(ended["status"])
    return found


def _differences(value: Record, **wanted: object) -> str:
    """Which fields say something else; empty: none. An amount that is left out is zero."""
    wrong = []
    for name, there in wanted.items():
        here = value[name]
        if name == "filled_amount":
            here, there = here or Decimal(0), there or Decimal(0)
        if here != there:
            wrong.append(f"{name} is {here}, not {there}")
    return "; ".join(wrong)
