"""What the checker says: violations by name, and the run in figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Violation:
    """``kind``: the rule that was broken, in one word or two joined by dashes; ``strategy_id``: empty when none is."""

    kind: str
    strategy_id: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.strategy_id or '-'}: {self.message}"


@dataclass(frozen=True, slots=True)
class Cause:
    """A fault that was injected, and what it may cause: without one these are violations.

    ``effect``: ``dead-letter``, ``halt``, ``unknown``, ``refused`` (an instruction, by the manager), ``rejected``,
    ``rolled_back``, ``cancelled`` or ``none`` (the outcome). What is None or empty: any. ``since_ms``, ``until_ms``: by
    the broker's time.
    """

    effect: str
    codes: tuple[str, ...] = ()
    strategy_id: str | None = None
    lane: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def explains(self, effect: str, code: str, strategy_id: str, lane: str | None, at_ms: int) -> bool:
        return (
            effect == self.effect
            and (not self.codes or code in self.codes)
            and self.strategy_id in (None, strategy_id)
            and self.lane in (None, lane)
            and (self.since_ms is None or self.since_ms <= at_ms)
            and (self.until_ms is None or at_ms <= self.until_ms)
        )


@dataclass(frozen=True, slots=True)
class Skew:
    """When, by the broker's clock, the venues' clock was wrong. ``ahead_ms`` is below zero for one that is late."""

    since_ms: int
    until_ms: int
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """When, by the broker's clock, one of a lane's executors was stopped or dead: what it held was not sent then."""

    lane: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Terms:
    """What holds for the run that is judged.

    ``complete``: it is over, so that what is missing is lost; while it goes on only what is wrong for good counts.
    ``drifted``: strategies whose balances at the venue were changed without a ledger entry. ``standing``: by strategy,
    ids of halts (or of the commands that caused them) that must still stand. ``dust``: the largest difference of a
    position that is none, in units of its asset. ``daily_notional``: by strategy that does nothing but transfers of an
    asset at par, how much it may move on a day of UTC. ``causes``: the injected faults, and what they may have caused.
    ``skews``: when the venues' clock was wrong. ``interruptions``: when executors were stopped or dead.
    ``send_window_s``: how long after its journalled time a request may leave.
    """

    complete: bool = True
    drifted: frozenset[str] = frozenset()
    standing: Mapping[str, Collection[str]] = field(default_factory=dict)
    dust: Decimal = Decimal("0.000001")
    daily_notional: Mapping[str, Decimal] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    skews: tuple[Skew, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    send_window_s: float = 3.0

    def explain(self, effect: str, code: str, strategy_id: str, lane: str | None, at_ms: int) -> bool:
        return any(one.explains(effect, code, strategy_id, lane, at_ms) for one in self.causes)

    def broker_ms(self, venue_time: str) -> tuple[int, int]:
        """When that ISO time of a venue's log was by the broker's clock: at the earliest, and at the latest."""
        venue_ms = int(datetime.fromisoformat(venue_time).timestamp() * 1000)
        offsets = [0]
        for one in self.skews:
            reach = abs(one.ahead_ms)
            if one.since_ms - reach <= venue_ms <= one.until_ms + reach:
                offsets.append(one.ahead_ms)
        return venue_ms - max(offsets), venue_ms - min(offsets)


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
