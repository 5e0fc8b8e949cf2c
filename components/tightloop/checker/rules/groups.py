"""Groups: their legs run in order with nothing between them, none after one that failed, scaled as they ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.verdict import Terms, Violation

PLACES = 10**18  # parts of a unit that an amount can have


@dataclass
class Group:
    """``legs``: as published, by index, of each the first record; where the group has started, those that it started
    with. ``routed``: loops, in the order of their numbers. ``results``: by the index of the leg.
    """

    strategy_id: str
    group_id: str
    legs: dict[int, Seen] = field(default_factory=dict)
    routed: list[Seen] = field(default_factory=list)
    results: dict[int, Record] = field(default_factory=dict)

    def failed(self) -> list[Record]:
        """The results of legs that did not succeed. One that was neither dispatched nor refused only followed them."""
        return [
            one
            for index, one in sorted(self.results.items())
            if (one["loop_no"] is not None or one["status"] == "refused") and not self.succeeded(index)
        ]

    def succeeded(self, index: int) -> bool:
        """Filled whole by a loop that matched; a first leg also in part, where all others scale to it."""
        ended = self.results.get(index)
        if ended is None or ended["status"] != "reconciled":
            return False
        if ended["outcome"] == "filled":
            return True
        others = [seen.value for at, seen in self.legs.items() if at > 0]
        scale = all(one["scale_to_filled"] for one in others)
        return index == 0 and ended["outcome"] == "partially_filled" and bool(ended["filled_amount"]) and scale


def groups_of(data: Collected) -> dict[tuple[str, str], Group]:
    """By strategy and group id."""
    found: dict[tuple[str, str], Group] = {}
    buried = {(seen.value["partition"], seen.value["offset"]) for seen in data.dead_letters}
    for seen in data.instructions:
        if (seen.partition, seen.offset) in buried:
            continue
        owner, group_id = seen.value["strategy_id"], seen.value.get("group_id")
        if group_id is not None and seen.value["group_index"] is not None and seen.value["group_size"] is not None:
            found.setdefault((owner, group_id), Group(owner, group_id)).legs.setdefault(seen.value["group_index"], seen)
    for seen in sorted(data.loops, key=lambda one: int(one.value["loop_no"])):
        leg = seen.value["instruction"] or {}
        name = seen.value["strategy_id"], leg.get("group_id") or ""
        if name in found:
            found[name].routed.append(seen)
    for group in found.values():
        if group.routed:  # what came later, and was refused alone, is none of its legs
            size = group.routed[0].value["instruction"]["group_size"]
            group.legs = {index: leg for index, leg in group.legs.items() if index < size}
    for seen in data.results:
        name, index = (seen.value["strategy_id"], seen.value.get("group_id") or ""), seen.value.get("group_index")
        if name not in found or index is None or seen.value["resolves"] is not None:
            continue
        leg = found[name].legs.get(index)
        if leg is not None and leg.value["instruction_id"] == seen.value["instruction_id"]:
            found[name].results[index] = seen.value
    return found


def groups_run_as_one(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The legs start when all are there, one after another by index, with only a ``verify`` between them."""
    kinds: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for seen in data.loops:
        kinds[seen.value["strategy_id"]][seen.value["loop_no"]] = seen.value["kind"]
    for group in groups_of(data).values():
        if not group.routed:
            continue
        first, last = group.routed[0], group.routed[-1]
        order = [seen.value["instruction"]["group_index"] for seen in group.routed]
        if order != list(range(len(order))):
            yield _wrong(group, "group-order", first, f"its legs were dispatched in the order {order}")
        if len(group.legs) != first.value["instruction"]["group_size"]:
            yield _wrong(group, "group-incomplete", first, f"it has started, and only {sorted(group.legs)} are there")
        late = [seen.place for seen in group.legs.values() if seen.at_ms > first.at_ms]
        if late:
            yield _wrong(group, "group-incomplete", first, f"it has started before {', '.join(late)} was there")
        own = {seen.value["loop_no"] for seen in group.routed}
        between = {
            number: kind
            for number, kind in kinds[group.strategy_id].items()
            if first.value["loop_no"] < number < last.value["loop_no"] and number not in own and kind != "verify"
        }
        if between:
            yield _wrong(group, "group-interrupted", last, f"loops {between} ran between its legs")


def groups_stop_at_a_failure(data: Collected, terms: Terms) -> Iterator[Violation]:
    """After a leg that failed none is dispatched."""
    for group in groups_of(data).values():
        for seen in group.routed:
            before = seen.value["instruction"]["group_index"] - 1
            if before in group.results and not group.succeeded(before):
                ended = group.results[before]
                what = f"leg {before} ended {ended['status']}, {ended['outcome']}, and leg {before + 1} was dispatched"
                yield _wrong(group, "group-went-on", seen, what)


def legs_are_scaled(data: Collected, terms: Terms) -> Iterator[Violation]:
    """A trade is dispatched with its own amount, or with the fraction of it that the first leg filled, cut at the last
    place.
    """
    for group in groups_of(data).values():
        for seen in group.routed:
            sent = seen.value["instruction"]
            published = group.legs.get(sent["group_index"])
            wanted = _wanted(group, published.value) if published is not None else None
            here = _amount(sent)
            if wanted is not None and here != wanted:
                yield _wrong(group, "leg-misscaled", seen, f"it was dispatched with {here}, and {wanted} is right")


def _wanted(group: Group, leg: Record) -> Decimal | None:
    amount = _amount(leg)
    first = group.legs.get(0)
    if amount is None or first is None:
        return None
    ordered, ended = _amount(first.value), group.results.get(0)
    if not leg["scale_to_filled"]:
        return amount
    if ordered is None or ended is None:
        return None
    share = min(Fraction(ended["filled_amount"] or 0) / Fraction(ordered), Fraction(1))
    return Decimal(int(Fraction(amount) * share * PLACES)).scaleb(-18)


def _amount(instruction: Record) -> Decimal | None:
    trade = instruction.get("cex_trade") or {}
    return trade.get("amount")


def _wrong(group: Group, kind: str, seen: Seen, what: str) -> Violation:
    return Violation(kind, group.strategy_id, f"{seen.place}: group {group.group_id}: {what}")
