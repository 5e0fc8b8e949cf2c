"""Each outcome has a cause: a cancel that was requested, an expiry, a refusal, or the venue's rejection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.groups import Group, groups_of
from tightloop.checker.rules.outcomes import Loop, loop_of
from tightloop.checker.rules.spending import had_no_room
from tightloop.checker.verdict import Terms, Violation

HALTED, EXPIRED, BREACHED, REFUSED_WHOLE, STOPPED = "EIM-011", "EIM-010", "EIM-013", "EIM-018", "EIM-019"
UNREADABLE = "EXI-003"  # it could not be prepared: its venue did not answer for as long as that is tried
MARKET_LIFE, OTHER_LIFE = timedelta(seconds=30), timedelta(hours=1)  # of an instruction that names no expiry
EARLY = timedelta(milliseconds=600)  # clocks agree to within half a second
BY_THE_VENUE = "partial"  # the injected fault that fills a part, and cancels the rest where it is told to
# What can't be prepared is sent to no venue: its log of requests tells nothing of it.
LOCAL = frozenset({"EXI-006", "EXI-007", "EXI-008", "EXI-010", "EXI-011", "EXI-013"})


class _Asked(NamedTuple):
    """What was requested to end: loops by a cancel, groups and instructions by strategy and id, keys by an operator's
    halt.
    """

    loops: set[Loop]
    groups: set[tuple[str, str]]
    instructions: set[tuple[str, str]]
    keys: set[str]


def cancels_were_asked_for(data: Collected, terms: Terms) -> Iterator[Violation]:
    """``cancelled``, or filled in part: it was cancelled on request, its time was over, or the venue ended it by
    itself.

    ``rolled_back`` and ``rejected``: the venue's books or its answers say so, or the order never got there.
    """
    asked = _asked(data)
    loops = {loop_of(seen): seen for seen in data.loops}
    requests = _requests(data)
    ended = _ended(data)
    for seen in data.reports:
        value, loop = seen.value, loop_of(seen)
        if value["kind"] != "final" or loop not in loops or value["loop_kind"] != "execute":
            continue  # what an ``unknown`` turned out to be is judged by the books
        outcome, code = value["outcome"], value["error"]["code"] if value["error"] else ""
        routed = loops[loop].value
        fine = True
        if outcome in ("cancelled", "partially_filled"):
            fine = (
                loop in asked.loops
                or loop[0] in asked.keys
                or _was_over(routed, value["observed_at"])
                or any(_cut_by_venue(one) for one in ended.get(value["client_order_id"] or "", ()))
                or any(one["fault"] == BY_THE_VENUE for one in requests[loop])
                or (outcome == "partially_filled" and _is_cut_chain(routed, code))
            )
        elif outcome == "rejected":
            refused = any(one["result"] == "refused" or one["status"] == "rejected" for one in requests[loop])
            fine = bool(code) and (refused or code in LOCAL or code == "EXI-009")
        elif outcome == "none":
            fine = code == EXPIRED and _was_over(routed, value["observed_at"])
            fine = fine or (code == UNREADABLE and _was_interrupted(terms, value["lane"], loops[loop], seen))
        if not fine and not terms.explain(outcome, code, loop[0], value["lane"], seen.at_ms):
            what = f"{seen.place}: {value['instruction_id']} (loop {loop[1]}) is {outcome} and nothing explains it"
            yield Violation("outcome-unexplained", loop[0], f"{what} ({code or 'no error'})")


def _is_cut_chain(routed: Record, code: str) -> bool:
    """Has a chain whose steps are transactions of their own ended with one that failed?"""
    chain = routed["instruction"].get("smart_contract_action")
    is_stepwise = chain is not None and not chain["atomic"] and len(chain["actions"]) > 1
    return is_stepwise and code in (*LOCAL, "EXI-009", UNREADABLE)


def results_were_due(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What was never submitted was cancelled on request, refused for a reason that is there, or had expired."""
    asked = _asked(data)
    published = {(seen.value["strategy_id"], seen.value["instruction_id"]): seen.value for seen in data.instructions}
    heads = _halted_since(data)
    groups = groups_of(data)
    for seen in data.results:
        value = seen.value
        name = value["strategy_id"], value["instruction_id"]
        status, code = value["status"], value["error"]["code"] if value["error"] else ""
        instruction = published.get(name)
        if status not in ("refused", "expired", "cancelled") or instruction is None or value["loop_no"] is not None:
            continue  # of a loop, its report tells
        group = groups.get((name[0], value.get("group_id") or ""))
        if status == "cancelled":
            fine = name in asked.instructions or name[0] in asked.keys
            fine = fine or (group is not None and _group_ended(group, asked, code))
        elif status == "expired":
            due = min(_expiry(one) for one in _legs(group, instruction))
            fine = code in (EXPIRED, REFUSED_WHOLE) and value["finished_at"] >= due - EARLY
        else:
            halted = heads.get(name[0])
            fine = (
                (code == HALTED and halted is not None and halted - EARLY <= value["finished_at"])
                or (code == BREACHED and had_no_room(data, terms, instruction, seen))
                or (instruction["type"] == "cancel" and not _reaches(data, name[0], instruction))
            )
        if not fine and not terms.explain(status, code, name[0], None, seen.at_ms):
            error = f"{code} {value['error']['message']}" if value["error"] else "it has no error"
            yield Violation("result-undue", name[0], f"{seen.place}: {name[1]} is {status}: {error}")


def _legs(group: Group | None, instruction: Record) -> list[Record]:
    return [instruction] if group is None else [seen.value for seen in group.legs.values()]


def _group_ended(group: Group, asked: _Asked, code: str) -> bool:
    """Was the group, or a leg of it, cancelled on request, or did a leg of it fail?"""
    owner = group.strategy_id
    legs = {(owner, seen.value["instruction_id"]) for seen in group.legs.values()}
    if (owner, group.group_id) in asked.groups or legs & asked.instructions:
        return True
    return code == STOPPED and bool(group.failed())


def _asked(data: Collected) -> _Asked:
    cancels = [seen.value for seen in data.routed if seen.value["kind"] == "cancel"]
    wanted = {
        (seen.value["strategy_id"], seen.value["cancel"]["instruction_id"])
        for seen in data.instructions
        if seen.value.get("cancel")
    }
    by_hand = [seen.value for seen in data.commands]
    whole = {
        (seen.value["strategy_id"], seen.value["cancel"].get("group_id"))
        for seen in data.instructions
        if seen.value.get("cancel")
    }
    return _Asked(
        {(one["strategy_id"], one["target_loop_no"]) for one in cancels},
        whole | {(one["strategy_id"], one["target_id"]) for one in by_hand if one["command"] == "cancel"},
        wanted | {(one["strategy_id"], one["target_id"]) for one in by_hand if one["command"] == "cancel"},
        {one["strategy_id"] for one in by_hand if one["command"] == "halt" and one["cancel_working"]},
    )


def _was_interrupted(terms: Terms, lane: str, dispatched: Seen, ended: Seen) -> bool:
    """Was an executor of the lane stopped or dead while it could have been prepared?"""
    return any(
        one.lane == lane and one.since_ms <= ended.at_ms and dispatched.at_ms <= one.until_ms
        for one in terms.interruptions
    )


def _was_over(routed: Record, at: datetime) -> bool:
    """Its timeout, or its expiry, had come."""
    trade = (routed["instruction"] or {}).get("cex_trade") or {}
    timeout = trade.get("timeout_ms")
    over: datetime = routed["not_after"]
    if timeout is not None:
        over = min(over, routed["dispatched_at"] + timedelta(milliseconds=timeout))
    return at >= over - EARLY


def _requests(data: Collected) -> defaultdict[Loop, list[Record]]:
    found: defaultdict[Loop, list[Record]] = defaultdict(list)
    for one in data.venues.requests:
        if one["operation"] != "cancel":
            found[one["strategy_id"], one["loop_no"]].append(one)
    return found


def _ended(data: Collected) -> dict[str, list[Record]]:
    """Orders and transactions of the books, by client order id."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for account in data.venues.accounts:
        for one in (*account["orders"], *account["transactions"]):
            found[one["client_order_id"]].append(one)
    return found


def _cut_by_venue(ended: Record) -> bool:
    """It ended an order short by its own rules, and says which (no more to be had within the slippage)."""
    return ended["status"] in ("cancelled", "reverted") and bool(ended["code"])


def _halted_since(data: Collected) -> dict[str, datetime]:
    """When each key had its first halt; a halt for a venue or for all counts for every key."""
    first: dict[str, datetime] = {}
    for seen in data.of("loop_state", "LoopHead"):
        owner = seen.value["strategy_id"]
        for halt in seen.value["halts"]:
            first[owner] = min(first.get(owner, halt["since"]), halt["since"])
    shared = [halt["since"] for seen in data.of("loop_state", "SharedHalts") for halt in seen.value["halts"]]
    if shared:
        for seen in data.instructions:
            owner = seen.value["strategy_id"]
            first[owner] = min(first.get(owner, shared[0]), *shared)
    return first


def _reaches(data: Collected, strategy_id: str, instruction: Record) -> bool:
    """Was there anything that this cancel could have reached?"""
    name = "group_id" if instruction["cancel"].get("group_id") is not None else "instruction_id"
    target = instruction["cancel"][name]
    ended: list[Seen] = [
        seen for seen in data.results if (seen.value["strategy_id"], seen.value.get(name)) == (strategy_id, target)
    ]
    return any(seen.value["status"] in ("cancelled",) for seen in ended)


def _expiry(instruction: Record) -> datetime:
    if instruction["expires_at"] is not None:
        expires: datetime = instruction["expires_at"]
        return expires
    trade = instruction.get("cex_trade") or {}
    created: datetime = instruction["created_at"]
    return created + (MARKET_LIFE if trade.get("order_type") == "market" else OTHER_LIFE)
