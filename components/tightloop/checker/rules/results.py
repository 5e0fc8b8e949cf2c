"""Every instruction ends in one result; halts that were set stand, and a key whose balances were changed is halted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tightloop.checker.collected import Collected, Record
from tightloop.checker.verdict import Terms, Violation

Id = tuple[str, str]


def expected(data: Collected) -> dict[Id, str]:
    """``(strategy, instruction)`` to where it was published, for all that must end in a result.

    An instruction record that went to ``dead_letters`` has none of its own: either its id has had its one result
    (EIM-009), or the record could not be processed, and the dead letter is its end.
    """
    buried = {
        (seen.value["partition"], seen.value["offset"])
        for seen in data.dead_letters
        if seen.value["topic"] == "instructions"
    }
    found: dict[Id, str] = {}
    for seen in data.instructions:
        if (seen.partition, seen.offset) not in buried:
            found.setdefault((seen.value["strategy_id"], seen.value["instruction_id"]), seen.place)
    return found


def missing(data: Collected) -> dict[Id, str]:
    """Those of :func:`expected` without a result."""
    have = {
        (seen.value["strategy_id"], seen.value["instruction_id"])
        for seen in data.results
        if seen.value["resolves"] is None
    }
    return {one: place for one, place in expected(data).items() if one not in have}


def one_result_each(data: Collected, terms: Terms) -> Iterator[Violation]:
    if not terms.complete:
        return
    for (strategy_id, instruction_id), place in missing(data).items():
        yield Violation("lost", strategy_id, f"instruction {instruction_id} ({place}) has no result")
    wanted = expected(data)
    first = {
        (seen.value["strategy_id"], seen.value["instruction_id"]) for seen in data.results if not seen.value["resolves"]
    }
    for seen in data.results:
        strategy_id, instruction_id = seen.value["strategy_id"], seen.value["instruction_id"]
        if (strategy_id, instruction_id) not in wanted:
            yield Violation("result-of-none", strategy_id, f"{seen.place}: {instruction_id} was never published")
        if seen.value["resolves"] is not None and (strategy_id, instruction_id) not in first:
            yield Violation("resolves-none", strategy_id, f"{seen.place}: {instruction_id} had no result to resolve")


def halts_stand(data: Collected, terms: Terms) -> Iterator[Violation]:
    """By the manager's latest state; the halts of ``terms.standing`` by halt id or by the id of what caused them."""
    heads = data.heads()
    shared = data.shared_halts()
    for strategy_id, wanted in terms.standing.items():
        standing = [*_halts(heads.get(strategy_id)), *shared]
        for halt_id in wanted:
            if not any(halt_id in (one["halt_id"], one["cause_id"]) for one in standing):
                yield Violation(
                    "halt-gone", strategy_id, f"halt {halt_id} does not stand; there are {_names(standing)}"
                )
    if terms.complete:
        for strategy_id in terms.drifted:
            if not _halts(heads.get(strategy_id)):
                yield Violation("drift-unnoticed", strategy_id, "its books were changed, and the key is not halted")


def halted_results_halt(data: Collected, terms: Terms) -> Iterator[Violation]:
    """An instruction that ended ``halted`` leaves a halt, until an operator resumes the key."""
    if not terms.complete:
        return
    resumed = {seen.value["strategy_id"] for seen in data.commands if seen.value["command"] == "resume"}
    heads = data.heads()
    ended = {seen.value["strategy_id"] for seen in data.results if seen.value["status"] == "halted"}
    for strategy_id in sorted(ended - resumed):
        if not _halts(heads.get(strategy_id)):
            yield Violation("halt-gone", strategy_id, "an instruction ended halted, and the key has no halt")


def _halts(head: Record | None) -> list[Record]:
    return list(head["halts"]) if head else []


def _names(halts: Iterable[Record]) -> str:
    return ", ".join(f"{one['code']} {one['halt_id'][:8]}" for one in halts) or "none"
