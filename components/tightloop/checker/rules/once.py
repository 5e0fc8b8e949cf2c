"""Nothing twice and nothing missing in the numbering, to a ``read_committed`` reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator

from tightloop.checker.collected import Collected, Record, Seen, by_strategy
from tightloop.checker.verdict import Terms, Violation


def ids_once(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Every record of the loop exists once."""
    yield from _twice("report-twice", data.reports, lambda value: value["report_id"])
    yield from _twice("update-twice", data.updates, lambda value: value["update_id"])
    yield from _twice("version-twice", data.updates, lambda value: (value["strategy_id"], value["position_version"]))
    yield from _twice("reconciled-twice", data.reconciliations, lambda value: value["result_id"])
    yield from _twice("loop-twice", data.loops, lambda value: (value["strategy_id"], value["loop_no"]))
    yield from _twice("result-twice", data.results, _result_of)


def reports_applied_once(data: Collected, terms: Terms) -> Iterator[Violation]:
    """One update for each report, of the same deltas; and no update of a report that does not exist."""
    applied = [seen for seen in data.updates if seen.value["report_id"] is not None]
    yield from _twice("applied-twice", applied, lambda value: value["report_id"])
    if not terms.complete:
        return
    reports = {seen.value["report_id"]: seen for seen in data.reports}
    updates = {seen.value["report_id"]: seen for seen in applied}
    for report_id in reports.keys() - updates.keys():
        report = reports[report_id]
        yield Violation("not-applied", report.value["strategy_id"], f"report {report_id} at {report.place}: no update")
    for report_id, update in updates.items():
        known = reports.get(report_id)
        strategy_id = update.value["strategy_id"]
        if known is None:
            yield Violation("applied-unknown", strategy_id, f"{update.place} applies report {report_id}, which is none")
        elif _deltas(known.value) != _deltas(update.value):
            yield Violation("applied-otherwise", strategy_id, f"{update.place}: other deltas than {known.place}")


def loops_gapless(data: Collected, terms: Terms) -> Iterator[Violation]:
    """``loop_no`` counts 1, 2, 3 … per key, over all lanes."""
    for strategy_id, loops in by_strategy(data.loops).items():
        yield from _gaps("loop-gap", strategy_id, [seen.value["loop_no"] for seen in loops], "loop_no")


def versions_gapless(data: Collected, terms: Terms) -> Iterator[Violation]:
    """``position_version`` counts 1, 2, 3 … per key, in the order of the topic."""
    for strategy_id, updates in by_strategy(data.updates).items():
        versions = [seen.value["position_version"] for seen in updates]
        yield from _gaps("version-gap", strategy_id, versions, "position_version")
        if versions != sorted(versions):
            yield Violation("version-order", strategy_id, f"versions do not rise on the topic: {_around(versions)}")
        for seen in updates:
            if seen.value["previous_version"] != seen.value["position_version"] - 1:
                yield Violation("version-gap", strategy_id, f"{seen.place}: previous_version does not precede it")


def reports_gapless(data: Collected, terms: Terms) -> Iterator[Violation]:
    """``report_no`` counts 1, 2, 3 … within a loop; one final report, nothing but a correction after it."""
    for strategy_id, reports in by_strategy(data.reports).items():
        loops: defaultdict[int, list[Record]] = defaultdict(list)
        for seen in reports:
            loops[seen.value["loop_no"]].append(seen.value)
        for loop_no, told in loops.items():
            yield from _gaps(
                "report-gap", strategy_id, [one["report_no"] for one in told], f"loop {loop_no}: report_no"
            )
            finals = [one["report_no"] for one in told if one["kind"] == "final"]
            late = [one["report_no"] for one in told if finals and one["report_no"] > finals[0]]
            if len(set(finals)) > 1:
                yield Violation("final-twice", strategy_id, f"loop {loop_no} has final reports {finals}")
            if any(one["report_no"] in late and one["kind"] != "correction" for one in told):
                yield Violation("after-final", strategy_id, f"loop {loop_no}: reports {late} come after the final one")


def finals_reconciled(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Every final version has one reconciliation result, and no other version has any."""
    finals = {_version(seen): seen for seen in data.updates if seen.value["is_final"]}
    judged: defaultdict[tuple[str, int], list[Seen]] = defaultdict(list)
    for seen in data.reconciliations:
        judged[_version(seen)].append(seen)
    for version, results in judged.items():
        if len(results) > 1:
            places = ", ".join(seen.place for seen in results)
            yield Violation(
                "reconciled-twice", version[0], f"version {version[1]} has {len(results)} results: {places}"
            )
        if terms.complete and version not in finals:
            yield Violation(
                "reconciled-unknown", version[0], f"version {version[1]} is no final one: {results[0].place}"
            )
    if terms.complete:
        for version in finals.keys() - judged.keys():
            yield Violation("not-reconciled", version[0], f"final version {version[1]} has no result")


def _version(seen: Seen) -> tuple[str, int]:
    return seen.value["strategy_id"], seen.value["position_version"]


def _result_of(value: Record) -> Hashable:
    return value["strategy_id"], value["instruction_id"], value["resolves"]


def _deltas(value: Record) -> list[tuple[str, object, str]]:
    return [(delta["position_key"], delta["amount"], delta["source"]) for delta in value["deltas"]]


def _twice(kind: str, records: Iterable[Seen], identity: Callable[[Record], Hashable]) -> Iterator[Violation]:
    first: dict[Hashable, Seen] = {}
    for seen in records:
        known = first.setdefault(identity(seen.value), seen)
        if known is not seen:
            message = f"{identity(seen.value)} at {known.place} and at {seen.place}"
            yield Violation(kind, seen.value["strategy_id"], message)


def _gaps(kind: str, strategy_id: str, numbers: list[int], what: str) -> Iterator[Violation]:
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    if missing or min(numbers) < 1:
        yield Violation(kind, strategy_id, f"{what}: {len(missing)} missing up to {max(numbers)}: {missing[:10]}")


def _around(numbers: list[int]) -> list[int]:
    index = next(at for at in range(1, len(numbers)) if numbers[at] < numbers[at - 1])
    return numbers[max(0, index - 3) : index + 3]
