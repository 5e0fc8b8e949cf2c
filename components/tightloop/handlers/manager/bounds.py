"""How much of a key's head may grow, and what happens at each bound: no bound lets a stopped key trade. Pure.

- A key holds at most ``HALTS`` halts, the oldest, and one further in place of all later ones (EIM-017), which a resume
  must name as any other. A halt that waits for an adoption is kept in any case: one an account.
- A partition holds at most ``HALTS`` halts of venues and of all. Beyond that only one that stops something which none
  of them stops is taken, so that a halt of all always can be set.
- At most ``CHECKS`` verifications wait; the resumes beyond it share the last one, which clears the halts of them all.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tightloop.domain import ids
from tightloop.domain.venues import Venues
from tightloop.errors import bounded, info
from tightloop.records.types import AccountRef, Halt, PendingCheck

HALTS = 32
CHECKS = 32
ACTOR_CHARS = 200
_MANY = "EIM-017"
_KEPT = "EIM-014"  # an adoption: its own command looks for its halt


def with_halt(halts: tuple[Halt, ...], halt: Halt, strategy_id: str) -> tuple[Halt, ...]:
    """A key's halts with one more, which is not among them."""
    halt = replace(halt, actor=None if halt.actor is None else bounded(halt.actor, ACTOR_CHARS))
    if len(halts) < HALTS or halt.code == _KEPT:
        return (*halts, halt)
    standing = next((one for one in halts if one.code == _MANY), None)
    if standing is None:
        return (*halts, _many(halt, strategy_id, 1, halt.since))
    count = int(standing.message.partition(" ")[0]) + 1
    return tuple(_many(halt, strategy_id, count, one.since) if one is standing else one for one in halts)


def _many(latest: Halt, strategy_id: str, count: int, since: datetime) -> Halt:
    error = info(_MANY, f"{count} more halts than are kept; the latest: {latest.code} {latest.message}")
    return Halt(
        halt_id=ids.halt_id(strategy_id, "many", since.isoformat()),
        code=error.code,
        message=error.message,
        severity=error.severity,
        since=since,
        cause_id=latest.cause_id,
    )


def stops_more(standing: tuple[Halt, ...], halt: Halt, venues: Venues) -> bool:
    """Does a halt of a venue or of all belong to the partition's, or do so many stand that it would only be counted?"""
    if len(standing) < HALTS:
        return True
    if any(one.scope == "all" for one in standing):
        return False
    return halt.scope == "all" or not any(venues.same(one.venue, halt.venue) for one in standing)


def with_resume(
    checks: tuple[PendingCheck, ...], accounts: tuple[AccountRef, ...], halt_ids: tuple[str, ...]
) -> tuple[PendingCheck, ...]:
    """The verifications that wait, with one that clears ``halt_ids`` when it has matched."""
    check = PendingCheck(purpose="resume", accounts=accounts, halt_ids=halt_ids)
    if check in checks:
        return checks
    last = next((one for one in reversed(checks) if one.purpose == "resume"), None)
    if len(checks) < CHECKS or last is None:
        return (*checks, check)
    both = replace(
        last,
        accounts=tuple(dict.fromkeys((*last.accounts, *accounts))),
        halt_ids=tuple(dict.fromkeys((*last.halt_ids, *halt_ids))),
    )
    return tuple(both if one is last else one for one in checks)
