"""What the venues' books hold, what was reported of it, and what is expected to be there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from decimal import Decimal
from itertools import chain

from tightloop.checker.collected import Collected, Record, Seen
from tightloop.checker.rules.exact import add, total
from tightloop.checker.rules.names import is_transit, plain, qualified
from tightloop.checker.rules.taken_back import undone
from tightloop.checker.verdict import Terms, Violation

EVIDENCE = "evidence"  # what resolved it: anything else is an operator's command, with deltas of its own
TRADED = ("trade", "transaction", "transfer")
Entry = tuple[str, str, str]  # lane, account, entry id
Account = tuple[str, str]  # lane, name


def fills_reported(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Each fill in the books is reported once; each reported fill is in the books, as the books have it."""
    booked = booked_entries(data)
    told: defaultdict[Entry, list[Seen]] = defaultdict(list)
    passed = undone(seen.value for seen in data.reports)
    for seen in data.reports:
        if seen.value["report_id"] in passed:
            continue
        for place in places_of(seen.value, booked):
            told[place].append(seen)
    for place, reports in told.items():
        strategy_id = reports[0].value["strategy_id"]
        if len(reports) > 1:
            where = ", ".join(f"{seen.place} (loop {seen.value['loop_no']})" for seen in reports)
            yield Violation("fill-twice", strategy_id, f"{place} is reported {len(reports)} times: {where}")
        if place not in booked:
            yield Violation("fill-of-none", strategy_id, f"{place} is reported ({reports[0].place}), not in the books")
            continue
        report = reports[0]
        entries = [booked[one] for one in places_of(report.value, booked) if one in booked]
        if report.value["resolved_by"] in (None, EVIDENCE) and (wrong := _otherwise(report.value, entries)):
            yield Violation("fill-otherwise", strategy_id, f"{report.place}: {wrong} than {place} in the books")
    if terms.complete:
        owners = _owners(data)
        for place, entry in booked.items():
            if place not in told and entry["kind"] in TRADED and entry["client_order_id"] is not None:
                strategy_id = owners.get(place[:2], "")
                yield Violation("fill-unreported", strategy_id, f"{place} is in the books and on no report")


def positions_add_up(data: Collected, terms: Terms) -> Iterator[Violation]:
    """``expected_positions`` of the updates are the sums of their deltas so far."""
    for strategy_id, sums, update in _running(data):
        for told in update.value["expected_positions"]:
            key, amount = told["position_key"], told["amount"]
            if sums.get(key, Decimal(0)) != amount:
                message = f"{update.place}: {key} is {amount}, its deltas sum up to {sums.get(key, Decimal(0))}"
                yield Violation("sum-differs", strategy_id, message)


def books_match(data: Collected, terms: Terms) -> Iterator[Violation]:
    """The books equal the expected positions, within dust, for every account of a strategy that did not drift.

    What accrued at the venue and no report has told of yet (interest since the last look) is left out of the books.
    """
    if not terms.complete:
        return
    expected: dict[str, dict[str, Decimal]] = {}
    for strategy_id, sums, _ in _running(data):
        expected[strategy_id] = sums
    owners = _owners(data)
    adopted = _adopted(data)
    untold = _untold(data)
    for account in data.venues.accounts:
        place = (account["lane"], account["account"])
        strategy_id = owners.get(place, "")
        if not strategy_id or strategy_id in terms.drifted or place not in adopted:
            continue
        held = _held(account, untold[place], strategy_id)
        wanted = {
            key: amount for key, amount in expected.get(strategy_id, {}).items() if _lies_in(key, account, strategy_id)
        }
        for key in sorted(held.keys() | wanted.keys()):
            here, there = wanted.get(key, Decimal(0)), held.get(key, Decimal(0))
            if abs(here - there) > terms.dust:
                yield Violation("books-differ", strategy_id, f"{key}: expected {here}, in the books {there}")


def transit_is_empty(data: Collected, terms: Terms) -> Iterator[Violation]:
    """What left one account has arrived in another, was given back, or was written off; never more than had left."""
    left: dict[str, dict[str, Decimal]] = {}
    for strategy_id, sums, update in _running(data):
        under_way = {key: amount for key, amount in sums.items() if is_transit(key) and amount}
        left[strategy_id] = under_way
        for key, amount in under_way.items():
            if amount < 0:
                yield Violation("arrived-more", strategy_id, f"{update.place}: {key} is {amount}")
    if terms.complete:
        for strategy_id, under_way in left.items():
            for key, amount in under_way.items():
                yield Violation("never-arrived", strategy_id, f"{key} is {amount} in the end")


def _running(data: Collected) -> Iterator[tuple[str, dict[str, Decimal], Seen]]:
    """Each update with the sums of its key's deltas so far."""
    sums: dict[str, dict[str, Decimal]] = {}
    for seen in data.updates:
        mine = sums.setdefault(seen.value["strategy_id"], {})
        for delta in seen.value["deltas"]:
            add(mine, delta["position_key"], delta["amount"])
        yield seen.value["strategy_id"], mine, seen


def _entries_of(report: Record) -> Iterable[str]:
    """Ledger entries a report tells of: a correction may hold several, any other report one."""
    one = report["venue_entry_id"]
    return [one] if one is not None else report["venue_trade_ids"]


def booked_entries(data: Collected) -> dict[Entry, Record]:
    """Every line of every account's books."""
    return {
        (account["lane"], account["account"], entry["entry_id"]): entry
        for account in data.venues.accounts
        for entry in account["ledger"]
    }


def places_of(report: Record, booked: Container[Entry]) -> list[Entry]:
    """Where the entries stand that a report tells of: in the account of its loop, or where its transfer arrived."""
    own = report["lane"], report["account"]
    there = _destination(report)
    return [(*(there if there is not None and (*own, one) not in booked else own), one) for one in _entries_of(report)]


def _destination(report: Record) -> Account | None:
    transfer = report.get("transfer")
    return None if transfer is None else (transfer["destination"]["lane"], transfer["destination"]["account"])


def _otherwise(report: Record, entries: list[Record]) -> str:
    """What a report says of its entries that the books do not; empty: nothing."""
    if {key: amount for key, amount in _sum([report]).items() if not is_transit(key[0])} != _sum(entries):
        return "other deltas"
    traded = [Decimal(entry["amount"]) for entry in entries if entry["kind"] in TRADED]
    if (report.get("attempt") or 1) > 1:  # a chain fills what its first step takes
        traded = []
    if report["amount"] != total(traded):
        return f"another amount ({report['amount']}, not {total(traded)})"
    costs = [Decimal(entry["cost"]) for entry in entries if entry["cost"] is not None]
    if (report["cost"] or Decimal(0)) != total(costs):
        return f"another cost ({report['cost']}, not {total(costs)})"
    return ""


def _sum(values: Iterable[Record]) -> dict[tuple[str, str], Decimal]:
    """Deltas by position and source; positions without the account's name, which the books do not spell out."""
    sums: dict[tuple[str, str], Decimal] = {}
    for delta in chain.from_iterable(value["deltas"] for value in values):
        add(sums, (plain(delta["position_key"]), delta["source"]), delta["amount"])
    return {key: amount for key, amount in sums.items() if amount}


def _owners(data: Collected) -> dict[Account, str]:
    return {(seen.value["lane"], seen.value["account"]): seen.value["strategy_id"] for seen in data.loops}


def _adopted(data: Collected) -> set[Account]:
    """Accounts whose holdings were taken into the books by a loop that could read them."""
    return {
        (seen.value["lane"], seen.value["account"])
        for seen in data.reports
        if seen.value["loop_kind"] == "adopt" and seen.value["kind"] == "final" and seen.value["error"] is None
    }


def _untold(data: Collected) -> defaultdict[Account, list[Record]]:
    """Ledger entries that no order caused and that lie after the last one that was reported."""
    told = {
        (*place, entry)
        for seen in data.reports
        for place in ((seen.value["lane"], seen.value["account"]), _destination(seen.value))
        for entry in _entries_of(seen.value)
        if place is not None
    }
    marks: dict[Account, int] = {}
    for seen in data.reports:
        if seen.value["account_cursor"]:
            account = (seen.value["lane"], seen.value["account"])
            marks[account] = max(marks.get(account, 0), _sequence_at(seen.value["account_cursor"]))
    found: defaultdict[Account, list[Record]] = defaultdict(list)
    for one in data.venues.accounts:
        account = (one["lane"], one["account"])
        for entry in one["ledger"]:
            late = entry["sequence"] is None or entry["sequence"] > marks.get(account, 0)
            if entry["client_order_id"] is None and late and (*account, entry["entry_id"]) not in told:
                found[account].append(entry)
    return found


def _sequence_at(cursor: str) -> int:
    """A cursor is its adapter's own: where it is no sequence, only what the reports have named is known to be told."""
    return int(cursor) if cursor.isdecimal() else 0


def _held(account: Record, untold: list[Record], strategy_id: str) -> dict[str, Decimal]:
    held = {key: Decimal(amount) for key, amount in account["balances"].items()}
    for entry in untold:
        for delta in entry["deltas"]:
            add(held, delta["position_key"], Decimal(delta["amount"]).copy_negate())
    return {qualified(key, account["account"], strategy_id): amount for key, amount in held.items() if amount}


def _lies_in(key: str, account: Record, strategy_id: str) -> bool:
    """Does an expected position belong to this account? By its venue: an exchange's own, or one of a chain's."""
    venue, _, _ = key.partition(":")
    name, _, owner = venue.partition("@")
    if (owner or strategy_id) != account["account"] or name == "transit":
        return False
    return (
        name == account["venue"]
        if account["nonce"] is None
        else name in ("wallet", "uniswap", "curve", "aave", "morpho")
    )
