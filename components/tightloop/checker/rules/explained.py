"""Dead letters, halts and ``unknown`` outcomes each have a cause: a command, a record, or an injected fault."""

from __future__ import annotations

from collections.abc import Iterator

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.accrued import accrued_meanwhile
from tightloop.checker.rules.groups import groups_of
from tightloop.checker.rules.outcomes import Loop, loop_of
from tightloop.checker.verdict import Terms, Violation

UNANSWERED = frozenset(
    {"lost_before", "lost_after", "timeout_before", "timeout_after", "late_before", "late_after", "down"}
)
SECOND_USE = "EIM-009"
STOPPED = "EIM-019"
STILL_OPEN = "EXI-012"  # though its cancel was journalled, and was to leave
Halted = tuple[Seen, Record]  # where it was first seen, and the halt


def dead_letters_explained(data: Collected, terms: Terms) -> Iterator[Violation]:
    """An id used again with other content, or a fault of ``terms``."""
    first: dict[tuple[str, str], Seen] = {}
    again: set[tuple[int, int]] = set()
    highest: dict[str, int] = {}
    for seen in data.instructions:
        value = seen.value
        known = first.setdefault((value["strategy_id"], value["instruction_id"]), seen)
        sequence = value.get("sequence")
        late = sequence is not None and sequence <= highest.get(value["strategy_id"], sequence - 1)
        if (known is not seen and known.value != value) or late:
            again.add((seen.partition, seen.offset))
        if sequence is not None:
            highest[value["strategy_id"]] = max(sequence, highest.get(value["strategy_id"], sequence))
    for seen in data.dead_letters:
        letter, code = seen.value, seen.value["error"]["code"]
        second = letter["topic"] == "instructions" and (letter["partition"], letter["offset"]) in again
        owner = letter["strategy_id"] or ""
        if (code == SECOND_USE and second) or terms.explain("dead-letter", code, owner, None, seen.at_ms):
            continue
        what = f"{seen.place}: {letter['topic']}/{letter['partition']}@{letter['offset']} by {letter['component']}: "
        yield Violation("dead-letter-unexplained", owner, what + f"{code} {letter['error']['message']}")


def halts_explained(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A halt has its command, its dead letter, its ``unknown``, its failed leg of a group, or its mismatch: of a key
    that was made to drift, or by exactly what the venue's ledger shows to have accrued since it was last read.
    """
    commands = {seen.value["command_id"] for seen in data.commands if seen.value["command"] == "halt"}
    letters = {
        f"{one.value['topic']}/{one.value['partition']}@{one.value['offset']}"
        for one in data.dead_letters
        if one.value["halts"]
    }
    ends = {seen.value["result_id"]: seen.value for seen in data.reconciliations}
    unknown = {
        loop_of(seen) for seen in data.reports if seen.value["kind"] == "final" and seen.value["outcome"] == "unknown"
    }
    stopped = _stopped_groups(data)
    for seen, halt in _halts(data):
        owner = seen.value.get("strategy_id", "")
        cause, code = halt["cause_id"], halt["code"]
        end = ends.get(cause or "")
        if cause in commands or cause in letters:
            continue
        if end is not None and owner in terms.drifted and end["status"] == "mismatched":
            continue
        if end is not None and accrued_meanwhile(data, end):
            continue
        if end is not None and (_of_unknown(data, owner, end) & unknown):
            continue
        if code == STOPPED and (owner, cause) in stopped:
            continue
        if not terms.explain("halt", code, owner, None, seen.at_ms):
            what = f"{seen.place}: {code} {halt['message']} (caused by {cause})"
            yield Violation("halt-unexplained", owner, what)


def unknowns_explained(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each has a reason: a fault of ``terms`` kept the venue from telling, a fault injected into the venue struck a
    request of this very loop, or the executor was stopped or dead when the request was to leave, and none ever came: of
    an order that is still open, no cancel by then.
    """
    struck = {
        (one["strategy_id"], one["loop_no"])
        for one in data.venues.requests
        if one["result"] == "dropped" or one["fault"] in UNANSWERED
    }
    came = {(one["strategy_id"], one["loop_no"]) for one in data.venues.requests}
    for seen in data.reports:
        value, loop = seen.value, loop_of(seen)
        if value["kind"] != "final" or value["outcome"] != "unknown" or loop in struck:
            continue
        code = value["error"]["code"] if value["error"] else ""
        arrived = _cancel_came(data, terms, loop, seen.at_ms) if code == STILL_OPEN else loop in came
        if not arrived and _interrupted(data, terms, value["lane"], loop):
            continue
        if not terms.explain("unknown", code, value["strategy_id"], value["lane"], seen.at_ms):
            what = f"{seen.place}: loop {value['loop_no']} ended unknown: {_error(value)}"
            yield Violation("unknown-unexplained", value["strategy_id"], what)


def _cancel_came(data: Collected, terms: Terms, loop: Loop, by_ms: int) -> bool:
    """Might a cancel of the loop have reached the venue by then? The times of requests are by the venue's clock."""
    return any(
        one["operation"] == "cancel"
        and (one["strategy_id"], one["loop_no"]) == loop
        and terms.broker_ms(one["arrived_at"])[0] <= by_ms
        for one in data.venues.requests
    )


def _interrupted(data: Collected, terms: Terms, lane: str, loop: Loop) -> bool:
    """Was one of the lane's executors stopped or dead within the send window of a time at which it was journalled?"""
    window_ms = int(terms.send_window_s * 1000)
    journalled = [seen.at_ms for seen in data.journal if loop_of(seen) == loop and seen.value["lane"] == lane]
    return any(
        one.lane == lane and one.since_ms <= at_ms + window_ms and at_ms <= one.until_ms
        for at_ms in journalled
        for one in terms.interruptions
    )


_UNKNOWN = ("final", "unknown")


def unknowns_resolved(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A correction of an instruction's loop has a result that says so, with what it came to; unless it tells of money
    that was still under way when its loop had ended well, or says itself that more is to come.
    """
    if not terms.complete:
        return
    told = {(seen.value["strategy_id"], seen.value["resolves"]): seen.value for seen in data.results}
    unknown = {loop_of(seen) for seen in data.reports if (seen.value["kind"], seen.value["outcome"]) == _UNKNOWN}
    for seen in data.reports:
        value = seen.value
        if value["kind"] != "correction" or value["instruction_id"] is None or value["outcome"] == "unknown":
            continue
        if value.get("transfer") is not None and loop_of(seen) not in unknown:
            continue
        known = told.get((value["strategy_id"], value["corrects_report_id"]))
        if known is None:
            what = f"{seen.place} resolves {value['instruction_id']}, and no result tells of it"
            yield Violation("resolution-untold", value["strategy_id"], what)


def _halts(data: Collected) -> list[Halted]:
    """Every halt that ever stood, as it was first seen."""
    found: dict[str, Halted] = {}
    for kind in ("LoopHead", "SharedHalts"):
        for seen in data.of("loop_state", kind):
            for halt in seen.value["halts"]:
                found.setdefault(halt["halt_id"], (seen, halt))
    return list(found.values())


def _of_unknown(data: Collected, owner: str, end: Record) -> set[Loop]:
    """The loop of a reconciliation result, and the one whose instruction's slot a verify has ended."""
    results = (seen.value for seen in data.results)
    slots = {(owner, one["loop_no"]) for one in results if one["result_id"] == end["result_id"] and one["loop_no"]}
    return {(owner, end["loop_no"]), *slots}


def _stopped_groups(data: Collected) -> set[tuple[str, str]]:
    """By strategy, what ended the leg of a group that failed: its reconciliation result, or where nothing was
    dispatched its instruction.
    """
    return {
        (group.strategy_id, ended["result_id"] or ended["instruction_id"])
        for group in groups_of(data).values()
        for ended in group.failed()
    }


def _error(value: Record) -> str:
    error = value["error"]
    return f"{error['code']} {error['message']}" if error else "it has no error"
