"""What reconciliation compared: its snapshots are the venue's books of that moment, its checks are right."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import accumulate

from tightloop.checker.collected import Collected, Record
from tightloop.checker.rules.exact import EXACT, add
from tightloop.checker.rules.names import plain
from tightloop.checker.verdict import Terms, Violation

Positions = dict[str, Decimal]


def checks_are_right(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each check compares what a snapshot of that version shows with the sum of the deltas up to that version, or up to
    one that has come since (a correction, while positions were still compared). A correction's or an adjustment's may
    be verified by the comparison of another version. A result is ``matched`` and ``verified`` when all passed, and only
    then.
    """
    taken: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
    taken_for: dict[str, tuple[str, int]] = {}
    for seen in data.snapshots:
        if seen.value["position_version"] is not None:
            known = seen.value["strategy_id"], seen.value["position_version"]
            taken[known].append(seen.value)
            taken_for[seen.value["snapshot_id"]] = known
    expected = _expected(data)
    for seen in data.reconciliations:
        value = seen.value
        version = value["strategy_id"], value["position_version"]
        beside = value["corrects_report_id"] is not None or value["source"] == "adjustment"
        compared = taken_for.get(value["snapshot_id"], version) if beside else version
        shown = {one["snapshot_id"]: one for one in taken[compared] if compared[0] == version[0]}
        wrong = []
        if value["snapshot_id"] is not None and value["snapshot_id"] not in shown:
            wrong.append(f"the snapshot {value['snapshot_id']} does not exist")
        held = [{one["position_key"]: one["amount"] for one in snapshot["positions"]} for snapshot in shown.values()]
        for check in value["checks"]:
            key, actual = check["position_key"], check["actual"]
            difference = EXACT.subtract(actual, check["expected"])
            if not any(one.get(key, Decimal(0)) == actual for one in held):
                wrong.append(f"{key} is not {actual} on any snapshot of it")
            sums = expected[version[0], key].between(version[1], seen.at_ms)
            if check["expected"] not in sums:
                wrong.append(f"{key} is expected {check['expected']}, its deltas sum up to {sums[0]}")
            if check["difference"] != difference or (check["passed"] and abs(difference) > check["tolerance"]):
                wrong.append(f"{key} differs by {difference} and passed: {check['passed']}")
        all_passed = all(check["passed"] for check in value["checks"])
        if (value["status"] == "matched") != value["verified"] or (value["verified"] and not all_passed):
            wrong.append(f"{value['status']}, verified: {value['verified']}, all passed: {all_passed}")
        if wrong:
            yield Violation("check-otherwise", version[0], f"{seen.place}: {'; '.join(wrong[:5])}")


def snapshots_show_the_books(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each snapshot holds what the account's ledger, and the drifts put in, had come to at its sequence."""
    books = {(one["lane"], one["account"]): _Books(one) for one in data.venues.accounts}
    for seen in data.snapshots:
        value = seen.value
        account = books.get((value["lane"], value["account"]))
        if account is None or not account.counts or value["venue_sequence"] is None or not value["complete"]:
            continue
        if value["venue_sequence"] > account.last:
            if terms.complete:
                what = f"{seen.place}: sequence {value['venue_sequence']} of a ledger that ends at {account.last}"
                yield Violation("snapshot-otherwise", value["strategy_id"], what)
            continue
        held = {plain(one["position_key"]): one["amount"] for one in value["positions"]}
        there = account.at(value["venue_sequence"], value["as_of"])
        if held != there:
            keys = [key for key in sorted(held.keys() | there.keys()) if held.get(key) != there.get(key)]
            shown = ", ".join(f"{key} {held.get(key)}, in the books {there.get(key)}" for key in keys[:4])
            yield Violation("snapshot-otherwise", value["strategy_id"], f"{seen.place}: {shown}")


class _Books:
    """An account's balances at any point of its ledger."""

    def __init__(self, account: Record) -> None:
        self.last = len(account["ledger"])
        self.counts = all(entry["sequence"] is not None for entry in account["ledger"])
        self._opening = {key: Decimal(amount) for key, amount in account["opening"].items()}
        self._drifts = [(one["sequence"], datetime.fromisoformat(one["at"]), one) for one in account.get("drifts", ())]
        self._sums: dict[str, tuple[list[int], list[Decimal]]] = {}
        steps: defaultdict[str, list[tuple[int, Decimal]]] = defaultdict(list)
        for entry in account["ledger"]:
            for delta in entry["deltas"] if self.counts else ():
                steps[delta["position_key"]].append((entry["sequence"], Decimal(delta["amount"])))
        with localcontext(EXACT):
            for key, changes in steps.items():
                self._sums[key] = [at for at, _ in changes], list(accumulate(amount for _, amount in changes))

    def at(self, sequence: int, as_of: datetime) -> Positions:
        """What was held."""
        held = dict(self._opening)
        for key, (ats, sums) in self._sums.items():
            place = bisect_right(ats, sequence)
            if place:
                add(held, key, sums[place - 1])
        for after, at, drift in self._drifts:
            if after <= sequence and at <= as_of:
                add(held, drift["position_key"], drift["amount"])
        return {key: amount for key, amount in held.items() if amount}


class _Sums:
    """What the deltas of one position come to, version by version."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, int, Decimal]] = []  # version, when, the sum since

    def add(self, version: int, at_ms: int, amount: Decimal) -> None:
        last = self._changes[-1][2] if self._changes else Decimal(0)
        self._changes.append((version, at_ms, EXACT.add(last, amount)))

    def between(self, version: int, until_ms: int) -> list[Decimal]:
        """At that version, and at each that came after it by then."""
        place = bisect_right(self._changes, version, key=lambda one: one[0])
        first = self._changes[place - 1][2] if place else Decimal(0)
        end = bisect_right(self._changes, until_ms, place, key=lambda one: one[1])
        return [first, *(amount for *_, amount in self._changes[place:end])]


def _expected(data: Collected) -> defaultdict[tuple[str, str], _Sums]:
    """By strategy and position."""
    found: defaultdict[tuple[str, str], _Sums] = defaultdict(_Sums)
    for seen in data.updates:
        value = seen.value
        for delta in value["deltas"]:
            sums = found[value["strategy_id"], delta["position_key"]]
            sums.add(value["position_version"], seen.at_ms, delta["amount"])
    return found
