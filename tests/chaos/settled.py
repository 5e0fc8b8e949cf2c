"""Is a run over? By what the judge's reader has seen."""

from __future__ import annotations

from tightloop.checker import Collected, Seen, Watch


def settled(watch: Watch) -> bool:
    """Has every loop that was dispatched ended, and is every ``unknown`` resolved?"""
    data = watch.look()
    ended = {(one.value["strategy_id"], one.value["loop_no"]) for one in data.reconciliations}
    running = [one for one in data.loops if (one.value["strategy_id"], one.value["loop_no"]) not in ended]
    final = {(one.value["strategy_id"], one.value["position_version"]) for one in data.updates if one.value["is_final"]}
    judged = {(one.value["strategy_id"], one.value["position_version"]) for one in data.reconciliations}
    return final == judged and not running and not unknown(data)


def unknown(data: Collected) -> dict[tuple[str, int], str]:
    """Loops that ended ``unknown`` and that nothing has resolved yet, and their instructions."""
    resolved = {(one.value["strategy_id"], one.value["loop_no"]) for one in data.reports if _is(one, "correction")}
    ended = {
        (one.value["strategy_id"], one.value["loop_no"]): one.value["instruction_id"]
        for one in data.reports
        if _is(one, "final") and one.value["outcome"] == "unknown"
    }
    return {loop: instruction for loop, instruction in ended.items() if loop not in resolved}


def _is(report: Seen, kind: str) -> bool:
    return bool(report.value["kind"] == kind)
