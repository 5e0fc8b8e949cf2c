"""A key's head stays small, and nothing stands less still for it."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace
from tests.support.lanes import VENUES

from tightloop.handlers.manager import bounds
from tightloop.records.types import AccountRef, Halt, PendingCheck

NOW = datetime(2024, 5, 12, 12, tzinfo=UTC)


def halt(number: int, code: str = "REC-002", **fields: object) -> Halt:
    made = Halt(halt_id=f"h{number}", code=code, message=f"cause {number}", severity="HIGH", since=NOW)
    return replace(made, **fields)


def test_the_oldest_halts_are_kept_and_one_counts_the_others() -> None:
    halts: tuple[Halt, ...] = ()
    for number in range(bounds.HALTS + 5):
        halts = bounds.with_halt(halts, halt(number), "s1")
    assert [one.halt_id for one in halts[:-1]] == [f"h{number}" for number in range(bounds.HALTS)]
    assert halts[-1].code == "EIM-017"
    assert halts[-1].message == f"5 more halts than are kept; the latest: REC-002 cause {bounds.HALTS + 4}"


def test_a_halt_that_an_adoption_waits_for_is_kept_in_any_case() -> None:
    full = tuple(halt(number) for number in range(bounds.HALTS))
    assert bounds.with_halt(full, halt(99, "EIM-014"), "s1")[-1].code == "EIM-014"


def test_once_it_was_resumed_a_new_one_counts_anew_under_another_id() -> None:
    full = tuple(halt(number) for number in range(bounds.HALTS))
    first = bounds.with_halt(full, halt(98), "s1")[-1]
    second = bounds.with_halt(full, halt(99, since=NOW.replace(hour=13)), "s1")[-1]
    assert first.halt_id != second.halt_id and second.message.startswith("1 more")


def test_a_full_set_of_shared_halts_takes_only_what_stops_more() -> None:
    venue = tuple(halt(number, scope="venue", venue="binance") for number in range(bounds.HALTS))
    assert bounds.stops_more(venue[1:], venue[0], VENUES)
    assert not bounds.stops_more(venue, halt(99, scope="venue", venue="binance"), VENUES)
    assert bounds.stops_more(venue, halt(99, scope="venue", venue="okx"), VENUES)
    everything = halt(99, scope="all")
    assert bounds.stops_more(venue, everything, VENUES)
    assert not bounds.stops_more((*venue, everything), halt(100, scope="all"), VENUES)


def test_resumes_beyond_the_bound_share_one_verification() -> None:
    account, other = (AccountRef(lane="binance", venue="binance", account=name) for name in ("a", "b"))
    checks: tuple[PendingCheck, ...] = ()
    for number in range(bounds.CHECKS + 3):
        checks = bounds.with_resume(checks, (account,), (f"h{number}",))
    checks = bounds.with_resume(checks, (other,), ("h0",))
    assert len(checks) == bounds.CHECKS
    last = checks[-1]
    assert last.accounts == (account, other)
    assert last.halt_ids == (*(f"h{number}" for number in range(bounds.CHECKS - 1, bounds.CHECKS + 3)), "h0")
    assert bounds.with_resume(checks, last.accounts, last.halt_ids) == checks
