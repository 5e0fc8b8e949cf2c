"""The end of the demo: the figures, a table per key, and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from tightloop.cli.demo.progress import Progress, loop_ms
from tightloop.cli.output import note, table

if TYPE_CHECKING:
    from tightloop.checker import Verdict

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT = 60, 6


def document(verdict: Verdict, progress: Progress, more: dict[str, Any]) -> dict[str, Any]:
    """For ``--json``. Milliseconds are from dispatch to result."""
    return {
        "instructions": verdict.instructions,
        "results": verdict.results,
        "matched": verdict.matched,
        "mismatched": verdict.mismatched,
        "rejected": verdict.rejected,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "loop_ms": None
        if verdict.loop_ms is None
        else {"p50": round(verdict.loop_ms[0], 2), "p99": round(verdict.loop_ms[1], 2)},
        "loops_per_second": None if verdict.loops_per_second is None else round(verdict.loops_per_second, 1),
        "violations": [
            {"kind": one.kind, "strategy_id": one.strategy_id, "message": one.message} for one in verdict.violations
        ],
        "keys": [_key(progress, key) for key in progress.keys],
        **more,
    }


def _key(progress: Progress, key: str) -> dict[str, Any]:
    results = progress.of_key(key)
    took = sorted(ms for one in results if (ms := loop_ms(one)) is not None)
    return {
        "strategy_id": key,
        "instructions": sum(1 for one in progress.script if one.strategy_id == key),
        "results": len(results),
        "reconciled": sum(1 for one in results if one.status == "reconciled"),
        "filled": sum(1 for one in results if one.outcome == "filled"),
        "rejected": sum(1 for one in results if one.status == "refused" or one.outcome == "rejected"),
        "halted": sum(1 for one in results if one.status == "halted"),
        "p50_ms": round(took[len(took) // 2], 2) if took else None,
        "max_ms": round(took[-1], 2) if took else None,
        "position_version": max((one.position_version or 0 for one in results), default=0),
    }


def tell(found: dict[str, Any], progress: Progress) -> None:
    keys = found["keys"]
    columns = list(keys[0]) if keys else []
    table([name.replace("_", " ") for name in columns], [list(one.values()) for one in keys], title="\nKeys")
    typer.echo("\nLoops closed, over time")
    for line in plot(sorted(progress.seen_at.values())):
        typer.echo(line)
    ms = found["loop_ms"] or {"p50": 0.0, "p99": 0.0}
    typer.echo(
        f"\n{found['instructions']} instructions, {found['results']} results, {found['matched']} matched, "
        f"{found['mismatched']} mismatched, {found['rejected']} rejected"
        f"\n{found['lost']} lost, {found['duplicates']} twice (counted from the topics and the venues' own books)"
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
