"""Is a run over? By what the judge's reader has seen."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from tightloop.checker import Collected, Seen, Watch


def settled(watch: Watch) -> bool:
    """Has every loop that was dispatched ended, is every ``unknown`` resolved, and nothing under way any more?"""
    data = watch.look()
    ended = {(one.value["strategy_id"], one.value["loop_no"]) for one in data.reconciliations}
    running = [one for one in data.loops if (one.value["strategy_id"], one.value["loop_no"]) not in ended]
    final = {(one.value["strategy_id"], one.value["position_version"]) for one in data.updates if one.value["is_final"]}
    judged = {(one.value["strategy_id"], one.value["position_version"]) for one in data.reconciliations}
    return final == judged and not running and not unknown(data) and not travelling(data)


def unknown(data: Collected) -> dict[tuple[str, int], str]:
    """Loops that ended ``unknown`` and that nothing has resolved yet, and their instructions."""
    resolved = {
        (one.value["strategy_id"], one.value["loop_no"])
        for one in data.reports
        if _is(one, "correction") and one.value["outcome"] != "unknown"
    }
    ended = {
        (one.value["strategy_id"], one.value["loop_no"]): one.value["instruction_id"]
        for one in data.reports
        if _is(one, "final") and one.value["outcome"] == "unknown"
    }
    return {loop: instruction for loop, instruction in ended.items() if loop not in resolved}


def travelling(data: Collected) -> dict[tuple[str, str], Decimal]:
    """What left one account of a strategy and has not arrived in another."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in data.updates:
        for delta in one.value["deltas"]:
            if delta["position_key"].startswith("transit:"):
                sums[one.value["strategy_id"], delta["position_key"]] += delta["amount"]
    return {key: amount for key, amount in sums.items() if amount}


def _is(report: Seen, kind: str) -> bool:
    return bool(report.value["kind"] == kind)
