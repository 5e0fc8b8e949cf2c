"""What the checker says: violations by name, and the run in figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Violation:
    """``kind``: the rule that was broken, in one word or two joined by dashes; ``strategy_id``: empty when none is."""

    kind: str
    strategy_id: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.strategy_id or '-'}: {self.message}"


@dataclass(frozen=True)
class Terms:
    """What holds for the run that is judged.

    ``complete``: it is over, so that what is missing is lost; while it goes on only what is wrong for good counts.
    ``drifted``: strategies whose books were changed behind everybody's back. ``standing``: by strategy, ids of halts
    (or of the commands that caused them) that must still stand. ``dust``: the largest difference of a position that is
    none, in units of its asset.
    """

    complete: bool = True
    drifted: frozenset[str] = frozenset()
    standing: Mapping[str, Collection[str]] = field(default_factory=dict)
    dust: Decimal = Decimal("0.000001")


@dataclass(frozen=True)
class Verdict:
    """``loop_ms``: median and 99th percentile from dispatch to result of the reconciled instructions, in milliseconds.

    ``matched`` and ``mismatched`` count reconciliation results; ``rejected`` instructions refused by the manager or
    rejected by a venue; ``duplicates`` records or actions that came twice; ``lost`` instructions without a result.
    """

    instructions: int
    results: int
    matched: int
    mismatched: int
    rejected: int
    duplicates: int
    lost: int
    violations: tuple[Violation, ...]
    loop_ms: tuple[float, float] | None
    loops_per_second: float | None

    @property
    def passed(self) -> bool:
        return not self.violations

    def __str__(self) -> str:
        lines = [
            f"{self.instructions} instructions, {self.results} results, {self.matched} matched, "
            f"{self.mismatched} mismatched, {self.rejected} rejected, {self.duplicates} duplicates, {self.lost} lost"
        ]
        if self.loop_ms is not None:
            lines[0] += f"; a loop takes {self.loop_ms[0]:.1f} ms (p50), {self.loop_ms[1]:.1f} ms (p99)"
        return "\n".join([*lines, *(str(one) for one in self.violations)])
