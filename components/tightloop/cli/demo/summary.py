"""The end of the demo: the figures, by key, venue and type; what went wrong on purpose; and a plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from tightloop.cli.demo.progress import Progress, loop_ms
from tightloop.cli.demo.warm_up import WarmUp
from tightloop.cli.output import note, table
from tightloop.records.types import Instruction, InstructionResult

if TYPE_CHECKING:
    from tightloop.checker import Verdict
    from tightloop.cli.demo.drift import DriftAct

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT = 60, 6


def document(
    verdict: Verdict, progress: Progress, warm: WarmUp, act: DriftAct | None, more: dict[str, Any]
) -> dict[str, Any]:
    """For ``--json``. Milliseconds are from dispatch to result.

    The checker counts every record, so that ``matched`` and ``mismatched`` are also those of the warm-up and of
    accounts that were taken over; ``instructions``, ``results`` and all times are without the warm-up's.
    """
    took = _milliseconds(progress.results.values())
    return {
        "instructions": verdict.instructions - warm.instructions,
        "results": verdict.results - warm.instructions,
        "matched": verdict.matched,
        "mismatched": verdict.mismatched,
        "rejected": verdict.rejected,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "loop_ms": {"p50": _share(took, 0.5), "p99": _share(took, 0.99)} if took else None,
        "loops_per_second": _rate(progress),
        "violations": [
            {"kind": one.kind, "strategy_id": one.strategy_id, "message": one.message} for one in verdict.violations
        ],
        "keys": [
            {"strategy_id": key, **_counts(progress, [one for one in progress.script if one.strategy_id == key])}
            for key in progress.keys
        ],
        "by_venue": _by(progress, "venue"),
        "by_type": _by(progress, "type"),
        "refusals": [
            {"instruction_id": one.instruction_id, "venue": one.venue, "code": one.error.code, "why": one.error.message}
            for one in progress.results.values()
            if one.error is not None and (one.status == "refused" or one.outcome == "rejected")
        ],
        "halted": _halted(act),
        "warm_up": warm,
        **more,
    }


def _by(progress: Progress, field: str) -> list[dict[str, Any]]:
    names = sorted({getattr(one, field) for one in progress.script})
    return [
        {field: name, **_counts(progress, [one for one in progress.script if getattr(one, field) == name])}
        for name in names
    ]


def _counts(progress: Progress, script: Sequence[Instruction]) -> dict[str, Any]:
    results = [progress.results[one.instruction_id] for one in script if one.instruction_id in progress.results]
    took = _milliseconds(results)
    return {
        "instructions": len(script),
        "results": len(results),
        "reconciled": sum(1 for one in results if one.status == "reconciled"),
        "filled": sum(1 for one in results if one.outcome == "filled"),
        "rejected": sum(1 for one in results if one.status == "refused" or one.outcome == "rejected"),
        "halted": sum(1 for one in results if one.status == "halted"),
        "p50_ms": _share(took, 0.5) if took else None,
        "max_ms": round(took[-1], 2) if took else None,
    }


def _halted(act: DriftAct | None) -> list[dict[str, Any]]:
    """Which key, why, and how it went on."""
    if act is None:
        return []
    after = "expected positions adjusted, verified, resumed" if act.resumed_at else "still halted"
    return [
        {
            "strategy_id": act.drift.strategy_id,
            "code": halt.code,
            "cause": halt.message,
            "since": halt.since,
            "until": act.resumed_at,
            "then": after,
        }
        for halt in act.halts
    ]


def _milliseconds(results: Iterable[InstructionResult]) -> list[float]:
    """Of those that were reconciled, from the shortest to the longest."""
    return sorted(ms for one in results if one.status == "reconciled" and (ms := loop_ms(one)) is not None)


def _share(took: Sequence[float], share: float) -> float:
    return round(took[min(len(took) - 1, int(len(took) * share))], 2)


def _rate(progress: Progress) -> float | None:
    """Loops a second, from the first dispatch to the last result."""
    loops = [one for one in progress.results.values() if one.dispatched_at is not None]
    if not loops:
        return None
    began = min(one.dispatched_at for one in loops if one.dispatched_at is not None)
    seconds = (max(one.finished_at for one in loops) - began).total_seconds()
    return round(len(loops) / seconds, 1) if seconds > 0 else None


def tell(found: dict[str, Any], progress: Progress) -> None:
    keys = found["keys"]
    columns = list(keys[0]) if keys else []
    table([name.replace("_", " ") for name in columns], [list(one.values()) for one in keys], title="\nKeys")
    for one in found["refusals"]:
        typer.echo(f"\nrejected on purpose: {one['instruction_id']} at {one['venue']}: {one['code']} {one['why']}")
    for one in found["halted"]:
        typer.echo(f"\nhalted: {one['strategy_id']}, {one['cause']}\n  then: {one['then']}")
    typer.echo("\nLoops closed, over time")
    for line in plot(sorted(progress.seen_at.values())):
        typer.echo(line)
    ms = found["loop_ms"] or {"p50": 0.0, "p99": 0.0}
    typer.echo(
        f"\n{found['instructions']} instructions, {found['results']} results, {found['matched']} matched, "
        f"{found['mismatched']} mismatched, {found['rejected']} rejected"
        f"\n{found['lost']} lost, {found['duplicates']} twice (counted from the topics and the venues' own books)"
        f"\nwarmed up by {found['warm_up'].instructions} instructions of other strategies in "
        f"{found['warm_up'].seconds:.1f} s (a loop: {found['warm_up'].first_ms:.0f} ms at first, "
        f"{found['warm_up'].last_ms:.0f} ms in the end)"
        f"\na loop takes {ms['p50']:.1f} ms (p50), {ms['p99']:.1f} ms (p99); "
        f"{found['loops_per_second'] or 0:.1f} loops a second"
    )
    for one in found["violations"]:
        note(f"violation: {one['kind']}: {one['strategy_id'] or '-'}: {one['message']}")


def plot(times: Sequence[float]) -> list[str]:
    """How many had come by each moment, as bars of text: ``times`` sorted, in seconds."""
    if not times:
        return ["(none)"]
    end = max(times[-1], 0.001)
    counts = [0] * _WIDTH
    for at in times:
        counts[min(_WIDTH - 1, int(at / end * _WIDTH))] += 1
    total, sums = 0, []
    for count in counts:
        total += count
        sums.append(total)
    lines = []
    for row in range(_HEIGHT, 0, -1):
        cells = (_BLOCKS[max(0, min(8, round((one / total * _HEIGHT - row + 1) * 8)))] for one in sums)
        lines.append(f"{total * row // _HEIGHT:>6} ┤{''.join(cells)}")
    lines.append(f"{0:>6} └{'─' * _WIDTH}")
    left = f"{'':>8}0 s"
    lines.append(f"{left}{f'{end:.1f} s':>{_WIDTH + 8 - len(left)}}")
    return lines
