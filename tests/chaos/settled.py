"""Is a run over? By what the judge's reader has seen."""

from __future__ import annotations

from collections import Counter

from tightloop.checker import Watch


def settled(watch: Watch) -> bool:
    """Has every loop that was dispatched ended, and is every ``unknown`` resolved?"""
    data = watch.look()
    ended = {(one.value["strategy_id"], one.value["loop_no"]) for one in data.reconciliations}
    running = [one for one in data.loops if (one.value["strategy_id"], one.value["loop_no"]) not in ended]
    unknown = Counter(
        (one.value["strategy_id"], one.value["loop_no"])
        for one in data.reports
        if one.value["kind"] == "final" and one.value["outcome"] == "unknown"
    )
    unknown.subtract(
        (one.value["strategy_id"], one.value["loop_no"]) for one in data.reports if one.value["kind"] == "correction"
    )
    final = {(one.value["strategy_id"], one.value["position_version"]) for one in data.updates if one.value["is_final"]}
    judged = {(one.value["strategy_id"], one.value["position_version"]) for one in data.reconciliations}
    return final == judged and not running and not any(count > 0 for count in unknown.values())
