"""What reconciliation tolerates and how long it tries. Validated on construction; immutable."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field

from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError


def checked_tolerance(name: str, value: Decimal, below: Decimal | None = None) -> Decimal:
    """The value, when it can be a tolerance. Raises ExecutionError REC-011 for NaN, infinities and what is negative."""
    if not value.is_finite() or value < 0:
        raise ExecutionError("REC-011", f"{name} is {value}: give a finite amount that is not negative")
    if below is not None and value >= below:
        raise ExecutionError("REC-011", f"{name} is {value}: give a share below {below}")
    return value


class Tolerances(Struct, frozen=True, kw_only=True):
    """How far actual and expected may differ: absolute dust of the asset plus a share of what is expected.

    ``dust``: by asset, in its units (of a derivative: of its base asset); ``default_dust`` for every other asset.
    ``relative``: by position type, as a share (0.000001 is one in a million); 0 for types not listed. What grows by
    itself between two looks (supplied and borrowed amounts) needs one. ``residual_factor``: when the differences
    tolerated at one position have moved by more than this many times its tolerance in all, the position no longer
    passes (REC-014).

    Raises ExecutionError REC-011 for a value that is negative, not finite, or, of a share, not below 1.
    """

    dust: Mapping[str, Decimal] = field(default_factory=dict)
    default_dust: Decimal = Decimal("0.000001")
    relative: Mapping[str, Decimal] = field(
        default_factory=lambda: dict.fromkeys(("aToken", "debtToken", "Supply", "Borrow"), Decimal("0.000001"))
    )
    residual_factor: Decimal = Decimal(100)

    def __post_init__(self) -> None:
        checked_tolerance("default_dust", self.default_dust)
        checked_tolerance("residual_factor", self.residual_factor)
        for asset, amount in self.dust.items():
            checked_tolerance(f"dust of {asset}", amount)
        for kind, share in self.relative.items():
            checked_tolerance(f"relative tolerance of {kind}", share, below=Decimal(1))


class ReconciliationSettings(Struct, frozen=True, kw_only=True):
    """``directory``: in which account each position lies. ``budget_s``: from the final update to its result at the
    latest, in seconds; ``attempt_s``: one attempt to read. ``mismatch_budget_s``: how long a mismatch may heal (a venue
    that is consistent only eventually); at most ``budget_s``. ``first_pause_s`` doubles after each attempt, up to
    ``longest_pause_s``.

    Raises ExecutionError REC-011 for a duration that cannot be one.
    """

    directory: Directory
    tolerances: Tolerances = field(default_factory=Tolerances)
    budget_s: float = 30.0
    mismatch_budget_s: float = 30.0
    attempt_s: float = 10.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def __post_init__(self) -> None:
        for name in ("budget_s", "attempt_s", "first_pause_s", "longest_pause_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ExecutionError("REC-011", f"{name} is {getattr(self, name)}: give seconds above 0")
        if not 0 <= self.mismatch_budget_s <= self.budget_s:
            raise ExecutionError(
                "REC-011", f"mismatch_budget_s is {self.mismatch_budget_s}: give seconds from 0 to budget_s"
            )
