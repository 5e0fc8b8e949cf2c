"""At the end of a run the components' states say what the public topics say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tightloop.checker.collected import JOURNALS, Collected, Record
from tightloop.checker.rules.exact import add
from tightloop.checker.rules.outcomes import loop_of
from tightloop.checker.verdict import Terms, Violation

Positions = dict[str, Decimal]


def position_states_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The position update handler and reconciliation each have the sums of the deltas, and the versions."""
    if not terms.complete:
        return
    sums, versions = _sums(data)
    for topic, entries, heads in (
        ("positions", "ExpectedPosition", "PositionHead"),
        ("reconciliation_state", "FoldedPosition", "ReconciliationHead"),
    ):
        if topic not in data.topics:
            continue
        held: defaultdict[str, Positions] = defaultdict(dict)
        known: dict[str, int] = {}
        for seen in data.latest(topic).values():
            value = seen.value
            if seen.kind == entries and value["amount"]:
                held[value["strategy_id"]][value["position_key"]] = value["amount"]
            elif seen.kind == heads:
                known[value["strategy_id"]] = value["position_version"]
            elif seen.kind == "PendingVerification":
                what = f"{seen.place}: version {value['position_version']} still waits to be verified"
                yield Violation("state-otherwise", value["strategy_id"], what)
        for owner in sums.keys() | held.keys():
            if wrong := _compared(held[owner], {key: amount for key, amount in sums[owner].items() if amount}):
                yield Violation("state-otherwise", owner, f"{topic}: {wrong}")
        for owner in versions.keys() | known.keys():
            if known.get(owner) != versions.get(owner):
                what = f"{topic}: the version is {known.get(owner)}, not {versions.get(owner)}"
                yield Violation("state-otherwise", owner, what)


def loop_states_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The manager has counted the loops it dispatched, holds no slot of one that ended, and has nothing in its queue
    that has its result.
    """
    if not terms.complete:
        return
    last: dict[str, int] = {}
    for loop in data.loops:
        owner = loop.value["strategy_id"]
        last[owner] = max(last.get(owner, 0), loop.value["loop_no"])
    for owner, head in data.heads().items():
        if head["last_loop_no"] != last.get(owner, 0):
            what = f"loop_state: the last loop is {head['last_loop_no']}, dispatched was {last.get(owner, 0)}"
            yield Violation("state-otherwise", owner, what)
    ended = {(seen.value["strategy_id"], seen.value["instruction_id"]) for seen in data.results}
    for seen in data.latest("loop_state").values():
        if seen.kind != "QueuedInstruction":
            continue
        owner, name = seen.value["strategy_id"], seen.value["instruction"]["instruction_id"]
        if (owner, name) in ended:
            yield Violation("state-otherwise", owner, f"{seen.place}: {name} is queued, and has its result")


def journals_agree(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What an executor's journal still holds is an intent whose loop has not ended, or ended ``unknown``; and it knows
    the last loop of its lane and how far each account's ledger was reported.
    """
    if not terms.complete:
        return
    final = {loop_of(seen): seen.value["outcome"] for seen in data.reports if seen.value["kind"] == "final"}
    resolved = {loop_of(seen) for seen in data.reports if seen.value["kind"] == "correction"}
    cursors = _cursors(data)
    for lane in data.lanes:
        last = _last_loops(data, lane)
        for seen in data.latest(JOURNALS + lane).values():
            value, owner = seen.value, seen.value.get("strategy_id", "")
            if seen.kind == "JournalEntry":
                loop = loop_of(seen)
                if (loop in final and final[loop] != "unknown") or loop in resolved:
                    what = f"{seen.place}: {value['client_order_id']} is journalled, and loop {loop[1]} is over"
                    yield Violation("state-otherwise", owner, what)
            elif seen.kind == "ExecutorHead" and (wrong := _head(value, last.get(owner, 0), cursors, lane)):
                yield Violation("state-otherwise", owner, f"{seen.place}: {wrong}")


def _head(head: Record, last: int, cursors: dict[tuple[str, str], str], lane: str) -> str:
    if head["last_loop_no"] > last:
        return f"the last loop is {head['last_loop_no']}, dispatched on {lane} was {last}"
    for account in head["accounts"]:
        told = cursors.get((lane, account["account"]))
        if told is not None and account["cursor"] != told:
            return f"the ledger of {account['account']} is read to {account['cursor']}, reported to {told}"
    return ""


def _last_loops(data: Collected, lane: str) -> dict[str, int]:
    last: dict[str, int] = {}
    for seen in data.loops:
        if seen.value["lane"] == lane:
            owner = seen.value["strategy_id"]
            last[owner] = max(last.get(owner, 0), seen.value["loop_no"])
    return last


def _cursors(data: Collected) -> dict[tuple[str, str], str]:
    """How far each account's ledger was reported, by its last report that says so."""
    return {
        (seen.value["lane"], seen.value["account"]): seen.value["account_cursor"]
        for seen in data.reports
        if seen.value["account_cursor"] is not None
    }


def _sums(data: Collected) -> tuple[defaultdict[str, Positions], dict[str, int]]:
    sums: defaultdict[str, Positions] = defaultdict(dict)
    versions: dict[str, int] = {}
    for seen in data.updates:
        owner = seen.value["strategy_id"]
        versions[owner] = max(versions.get(owner, 0), seen.value["position_version"])
        for delta in seen.value["deltas"]:
            add(sums[owner], delta["position_key"], delta["amount"])
    return sums, versions


def _compared(held: Positions, wanted: Positions) -> str:
    keys = [key for key in sorted(held.keys() | wanted.keys()) if held.get(key) != wanted.get(key)]
    return ", ".join(f"{key} is {held.get(key)}, its deltas sum up to {wanted.get(key)}" for key in keys[:4])
