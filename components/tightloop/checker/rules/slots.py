"""Never two instructions of a key in flight: by the broker's order, and by what the venues were asked to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tightloop.checker.collected import Collected, Record, Seen, by_strategy
from tightloop.checker.verdict import Terms, Violation


def one_in_flight_at_the_broker(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A loop is dispatched after the one before it has its reconciliation result, by the records' timestamps.

    A loop that a ``resume`` ended has none; its instruction's result takes its place.
    """
    ended = _ends(data)
    for strategy_id, loops in by_strategy(data.loops).items():
        ordered = sorted(loops, key=lambda seen: int(seen.value["loop_no"]))
        for earlier, later in pairwise(ordered):
            loop_no = earlier.value["loop_no"]
            end = ended.get((strategy_id, loop_no))
            if end is None:
                if not _was_resumed(data, strategy_id):
                    what = (
                        f"loop {later.value['loop_no']} ({later.place}) was dispatched and loop {loop_no} never ended"
                    )
                    yield Violation("two-in-flight", strategy_id, what)
            elif later.at_ms < end.at_ms:
                what = (
                    f"loop {later.value['loop_no']} ({later.place}) was dispatched {end.at_ms - later.at_ms} ms before "
                    f"loop {loop_no} ended ({end.place})"
                )
                yield Violation("two-in-flight", strategy_id, what)


def one_in_flight_at_the_venues(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What acts for a loop acts between its dispatch and its end, and never after something of a later loop.

    Cancels belong to the loop they cancel. A loop that ended ``unknown`` is still watched, and may act late: all that
    is promised of it is that its end was said to be unknown.
    """
    dispatched = {(seen.value["strategy_id"], seen.value["loop_no"]): seen for seen in data.loops}
    ended = _ends(data)
    unknown = {
        (seen.value["strategy_id"], seen.value["loop_no"])
        for seen in data.reports
        if seen.value["kind"] == "final" and seen.value["outcome"] == "unknown"
    }
    latest: dict[str, int] = {}
    for request in acting(data):
        if request["operation"] == "cancel":
            continue
        strategy_id, loop_no = request["strategy_id"], request["loop_no"]
        place = f"{request['lane']} request {request['number']} of loop {loop_no}"
        loop = (strategy_id, loop_no)
        if loop not in unknown and loop_no < latest.get(strategy_id, 0):
            yield Violation("acted-late", strategy_id, f"{place} acted after one of loop {latest[strategy_id]}")
        latest[strategy_id] = max(loop_no, latest.get(strategy_id, 0))
        if loop not in dispatched:
            if terms.complete:
                yield Violation("acted-undispatched", strategy_id, f"{place}: no such loop was dispatched")
            continue
        earliest, latest_ms = terms.broker_ms(request["at"])
        end = ended.get(loop)
        if end is not None and loop not in unknown and earliest > end.at_ms + 1:
            yield Violation("acted-late", strategy_id, f"{place} acted {earliest - end.at_ms} ms after the loop's end")
        if latest_ms + 1 < dispatched[loop].at_ms:
            yield Violation("acted-early", strategy_id, f"{place} acted before the loop's dispatch")


def acting(data: Collected) -> list[Record]:
    """The requests that acted, in the venues' order."""
    return [one for one in data.venues.requests if one["result"] == "acted"]


def _ends(data: Collected) -> dict[tuple[str, int], Seen]:
    """The record that ended each loop: its reconciliation result, or else its instruction's ``halted``."""
    found: dict[tuple[str, int], Seen] = {}
    for seen in data.reconciliations:
        if seen.value["corrects_report_id"] is None and seen.value["source"] != "adjustment":
            found.setdefault((seen.value["strategy_id"], seen.value["loop_no"]), seen)
    for seen in data.results:
        if seen.value["status"] == "halted" and seen.value["loop_no"] is not None and not seen.value["resolves"]:
            found.setdefault((seen.value["strategy_id"], seen.value["loop_no"]), seen)
    return found


def _was_resumed(data: Collected, strategy_id: str) -> bool:
    return any(
        seen.value["command"] == "resume" and seen.value["strategy_id"] in (None, strategy_id) for seen in data.commands
    )


def acted_once(data: Collected, terms: Terms) -> Iterator[Violation]:
    """No client order id, no nonce and no intent acted twice: at an exchange by its requests, on a chain by what is
    mined. (A chain may take in a transaction again and again, and its siblings: their nonce lets one of them act.)
    """
    acted: defaultdict[tuple[str, object], list[Record]] = defaultdict(list)
    for request in acting(data):
        if request["operation"] in ("order", "transfer"):
            place = f"{request['lane']}, {request['account']}"
            acted[f"{place}: client order id", request["client_order_id"]].append(request)
            intent = request["instruction_id"], request["attempt"]
            acted[f"{request['strategy_id']}: instruction, attempt", intent].append(request)
    for (what, name), requests in acted.items():
        if len(requests) > 1:
            numbers = [one["number"] for one in requests]
            loops = [one["loop_no"] for one in requests]
            message = f"{what} {name} acted {len(requests)} times: requests {numbers} of loops {loops}"
            yield Violation("acted-twice", requests[0]["strategy_id"], message)
    yield from _mined_twice(data)


def _mined_twice(data: Collected) -> Iterator[Violation]:
    owners = {(one["lane"], one["account"], one["client_order_id"]): one["strategy_id"] for one in data.venues.requests}
    for account in data.venues.accounts:
        place = account["lane"], account["account"]
        mined: defaultdict[tuple[str, object], list[Record]] = defaultdict(list)
        for one in account["transactions"]:
            mined["client order id", one["client_order_id"]].append(one)
            mined["nonce", one["nonce"]].append(one)
        for (what, name), transactions in mined.items():
            if len(transactions) > 1:
                hashes = ", ".join(one["tx_hash"] for one in transactions)
                owner = owners.get((*place, transactions[0]["client_order_id"]), "")
                message = f"{place[0]}, {place[1]}: {what} {name} was mined {len(transactions)} times: {hashes}"
                yield Violation("acted-twice", owner, message)
