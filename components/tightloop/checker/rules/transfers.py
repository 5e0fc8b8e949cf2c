"""Money under way between two accounts: what left one, by its books, is what travelled, and what the other has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.exact import total
from tightloop.checker.rules.holdings import EVIDENCE, booked_entries, places_of
from tightloop.checker.rules.names import is_transit
from tightloop.checker.verdict import Terms, Violation

ZERO = Decimal(0)


@dataclass
class Journey:
    """What the reports of one transfer told: deltas of the money under way, and which lines of books they stand for."""

    reports: list[Seen] = field(default_factory=list)
    deltas: list[Record] = field(default_factory=list)
    entries: dict[tuple[str, str, str], Record] = field(default_factory=dict)

    def booked(self, sign: int) -> Decimal:
        """What the books moved out of accounts (-1), or into them (1), without fees."""
        moved = [
            Decimal(delta["amount"]) * sign
            for entry in self.entries.values()
            for delta in entry["deltas"]
            if delta["source"] == "transfer"
        ]
        return total(amount for amount in moved if amount > 0)


def transfers_arrive_once(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each transfer: once, what its source's books say has left goes under way; and once, what the destination's say
    has come (or the source's were given back) is taken from there. The rest was charged, and is told as a fee.
    """
    for (strategy_id, key), journey in _journeys(data).items():
        if any(seen.value["resolved_by"] not in (None, EVIDENCE) for seen in journey.reports):
            continue  # an operator has said what became of it
        sent = [one["amount"] for one in journey.deltas if one["source"] != "fee" and one["amount"] > 0]
        come = [-one["amount"] for one in journey.deltas if one["source"] != "fee" and one["amount"] < 0]
        fees = total(-one["amount"] for one in journey.deltas if one["source"] == "fee")
        left, arrived = journey.booked(-1), journey.booked(1)
        where = journey.reports[-1].place
        if len(sent) > 1:
            yield Violation("transfer-twice", strategy_id, f"{where}: {key} was sent {len(sent)} times: {sent}")
        elif total(sent) != left:
            what = f"{where}: {key}: {total(sent)} went under way, by the books {left} has left"
            yield Violation("transfer-otherwise", strategy_id, what)
        if total(come) != arrived:
            what = f"{where}: {key}: {total(come)} was taken from it, by the books {arrived} has come"
            yield Violation("transfer-otherwise", strategy_id, what)
        if terms.complete and arrived + fees != left:
            what = f"{where}: {key}: {left} has left, {arrived} has come, {fees} was charged"
            yield Violation("transfer-lost", strategy_id, what)


def _journeys(data: Collected) -> dict[tuple[str, str], Journey]:
    booked = booked_entries(data)
    found: defaultdict[tuple[str, str], Journey] = defaultdict(Journey)
    for seen in data.reports:
        told = [one for one in seen.value["deltas"] if is_transit(one["position_key"])]
        for key in {one["position_key"] for one in told}:
            journey = found[seen.value["strategy_id"], key]
            journey.reports.append(seen)
            journey.deltas += [one for one in told if one["position_key"] == key]
            journey.entries |= {one: booked[one] for one in places_of(seen.value, booked) if one in booked}
    return found
