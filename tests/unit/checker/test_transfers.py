"""Money under way: the judge finds what was sent twice, what changed on its way, and what was lost there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tightloop.checker import Collected, Seen, Terms, Venues
from tightloop.checker.rules.holdings import fills_reported
from tightloop.checker.rules.taken_back import taken_back_as_told
from tightloop.checker.rules.transfers import transfers_arrive_once

D = Decimal
TRANSIT = "transit:t1:USDT"
Told = dict[str, str]  # amounts by position key; a fee's key ends with a star


class Transfer:
    """Thirty USDT leave a wallet, of which one is charged on the way; twenty-nine come to an exchange."""

    def __init__(self) -> None:
        self.data = Collected()
        self.data.venues = Venues(
            [
                account("ethereum", entry("out", {"wallet:BaseToken:USDT": "-30"})),
                account("binance", entry("in", {"binance:BaseToken:USDT": "29"})),
            ],
            [],
        )
        self.sent = self.report("out", {"wallet:BaseToken:USDT": "-30", TRANSIT: "30"})
        self.come = self.report("in", {"binance:BaseToken:USDT": "29", TRANSIT: "-29", f"{TRANSIT}*": "-1"}, "binance")

    def report(self, entry_id: str, deltas: Told, destination: str | None = None) -> Seen:
        there = None if destination is None else {"destination": {"lane": destination, "account": "s1"}}
        value: dict[str, Any] = {
            "strategy_id": "s1",
            "lane": "ethereum",
            "account": "s1",
            "deltas": [{**one, "amount": D(one["amount"])} for one in moved(deltas)],
            "venue_entry_id": entry_id,
            "venue_trade_ids": [],
            "transfer": there,
            "resolved_by": None,
        }
        number = len(self.data.topics["fills"])
        seen = Seen("fills", 0, number, number, "s1", "ExecutionReport", value)
        self.data.add([seen])
        return seen

    def kinds(self, *, complete: bool = True) -> list[str]:
        return [one.kind for one in transfers_arrive_once(self.data, Terms(complete=complete))]


def moved(deltas: Told) -> list[dict[str, str]]:
    return [
        {"position_key": key.rstrip("*"), "amount": amount, "source": "fee" if key.endswith("*") else "transfer"}
        for key, amount in deltas.items()
    ]


def entry(entry_id: str, deltas: Told) -> dict[str, Any]:
    return {"entry_id": entry_id, "deltas": moved(deltas)}


def account(lane: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"lane": lane, "account": "s1", "ledger": list(entries)}


def test_what_left_and_came_once_is_sound() -> None:
    assert Transfer().kinds() == []


def sent_again(transfer: Transfer) -> None:
    transfer.data.venues.accounts[0]["ledger"].append(entry("again", {"wallet:BaseToken:USDT": "-30"}))
    transfer.report("again", {"wallet:BaseToken:USDT": "-30", TRANSIT: "30"})


def never_told(transfer: Transfer) -> None:
    transfer.data.topics["fills"].remove(transfer.come)


def more_sent(transfer: Transfer) -> None:
    transfer.sent.value["deltas"][1]["amount"] = D(31)


def less_come(transfer: Transfer) -> None:
    transfer.come.value["deltas"][1]["amount"] = D(-28)


def lost_by_the_venues(transfer: Transfer) -> None:
    """The report tells what came, and no fee for the rest."""
    transfer.come.value["deltas"].pop()


@pytest.mark.parametrize(
    ("broken", "kinds"),
    [
        (sent_again, ["transfer-twice", "transfer-lost"]),
        (never_told, ["transfer-lost"]),
        (more_sent, ["transfer-otherwise"]),
        (less_come, ["transfer-otherwise"]),
        (lost_by_the_venues, ["transfer-lost"]),
    ],
)
def test_money_that_is_not_conserved_is_found(broken: Callable[[Transfer], None], kinds: list[str]) -> None:
    transfer = Transfer()
    broken(transfer)
    assert transfer.kinds() == kinds


def test_what_is_still_under_way_is_not_lost_before_the_end() -> None:
    transfer = Transfer()
    never_told(transfer)
    assert transfer.kinds(complete=False) == []


def test_what_an_operator_has_said_is_not_judged_by_the_books() -> None:
    transfer = Transfer()
    never_told(transfer)
    transfer.report("", {TRANSIT: "-30"}).value.update(resolved_by="operator", venue_entry_id=None)
    assert transfer.kinds() == []


def test_what_was_given_back_has_arrived_where_it_came_from() -> None:
    transfer = Transfer()
    never_told(transfer)
    transfer.data.venues.accounts[0]["ledger"].append(entry("back", {"wallet:BaseToken:USDT": "30"}))
    transfer.report("back", {"wallet:BaseToken:USDT": "30", TRANSIT: "-30"})
    assert transfer.kinds() == []


# --- a deposit that was counted before its transfer was known ---------------------------------------------------------


class Counted(Transfer):
    """The exchange's own loop has told of what came as of a deposit, and took that back."""

    def __init__(self) -> None:
        super().__init__()
        for number, seen in enumerate(self.data.reports):
            seen.value.update(kind="working", report_id=f"r{number}", corrects_report_id=None)
            seen.value.update(amount=D(0), cost=None, loop_no=1)
        for books in self.data.venues.accounts:
            for line in books["ledger"]:
                line.update(kind="deposit", amount="0", cost=None, client_order_id=None)
        self.come.value["deltas"] = moved({"binance:BaseToken:USDT": "29", TRANSIT: "-29"})
        self.counted = self.accrual("counted", "29", None)
        self.taken = self.accrual("taken", "-29", "counted")

    def accrual(self, report_id: str, amount: str, takes_back: str | None) -> Seen:
        seen = self.report("in", {"binance:BaseToken:USDT": amount})
        seen.value.update(lane="binance", kind="accrual", report_id=report_id, corrects_report_id=takes_back)
        seen.value.update(amount=D(0), cost=None, loop_no=2)
        return seen

    def judged(self) -> list[str]:
        rules = (fills_reported, taken_back_as_told)
        return [one.kind for rule in rules for one in rule(self.data, Terms())]


def not_taken_back(counted: Counted) -> None:
    counted.data.topics["fills"].remove(counted.taken)


def less_taken_back(counted: Counted) -> None:
    counted.taken.value["deltas"][0]["amount"] = D(-28)


def another_entry_taken_back(counted: Counted) -> None:
    counted.taken.value["venue_entry_id"] = "out"


def taken_back_again(counted: Counted) -> None:
    counted.accrual("again", "-29", "counted")


def what_is_no_accrual_taken_back(counted: Counted) -> None:
    counted.counted.value["kind"] = "working"


@pytest.mark.parametrize(
    ("broken", "kinds"),
    [
        (lambda counted: None, []),
        (not_taken_back, ["fill-twice"]),
        (less_taken_back, ["taken-back-otherwise"]),
        (another_entry_taken_back, ["taken-back-otherwise"]),
        (taken_back_again, ["taken-back-twice"]),
        (what_is_no_accrual_taken_back, ["taken-back-of-none"]),
    ],
)
def test_a_deposit_is_told_once_when_just_the_other_report_of_it_is_taken_back(
    broken: Callable[[Counted], None], kinds: list[str]
) -> None:
    counted = Counted()
    broken(counted)
    assert counted.judged() == kinds
