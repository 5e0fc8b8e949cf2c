"""The manager and transfers: which accounts they touch, and which executor is told of what, once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.handlers.manager.desk import Desk

from tightloop.handlers.manager.limits.scopes import Bounds, Limits
from tightloop.records.types import AccountRef, TransferMark
from tightloop.testing import builders

D = Decimal
WALLET = AccountRef(lane="ethereum", venue="wallet", account="s1")


def transferred(desk: Desk, name: str = "t1", release: str = "on_arrival") -> None:
    made = builders.transfer(
        name, desk.now, "USDT", D(1000), source="binance:spot", destination="wallet", release=release
    )
    desk.driver.feed("instructions", made, key="s1")


def acted(desk: Desk) -> None:
    desk.driver.feed("instructions", builders.action(f"a-{desk.version}", desk.now), key="s1")


def test_the_executor_of_the_destination_is_told_of_an_arrival_with_its_next_loop_and_once() -> None:
    desk = Desk()
    transferred(desk)
    assert (desk.last_loop().kind, desk.last_loop().account, desk.last_loop().lane) == ("adopt", "s1", "ethereum")
    desk.close()
    assert (desk.last_loop().kind, desk.last_loop().lane, desk.last_loop().told) == ("execute", "binance", ())
    desk.close(transfer=TransferMark(reference="0xt1", destination=WALLET))
    acted(desk)
    assert (desk.last_loop().lane, desk.last_loop().told) == ("ethereum", ("0xt1",))
    desk.close()
    acted(desk)
    assert desk.last_loop().told == ()


def test_a_mismatch_of_a_transfer_has_both_ends_verified() -> None:
    desk = Desk()
    transferred(desk)
    desk.close()
    desk.close(status="mismatched")
    assert (desk.last_loop().kind, desk.last_loop().lane) == ("verify", "binance")
    desk.close()
    assert (desk.last_loop().kind, desk.last_loop().lane) == ("verify", "ethereum")
    desk.close()
    assert desk.result("t1").status == "reconciled"


def test_what_could_not_be_verified_of_a_transfer_is_verified_at_both_ends() -> None:
    desk = Desk()
    transferred(desk)
    desk.close()
    desk.close(status="unavailable")
    desk.driver.advance(10)
    assert (desk.last_loop().kind, desk.last_loop().lane) == ("verify", "binance")
    desk.close()
    assert (desk.last_loop().kind, desk.last_loop().lane) == ("verify", "ethereum")


def test_a_correction_that_is_not_the_end_resolves_nothing() -> None:
    desk = Desk()
    transferred(desk)
    desk.close()
    desk.close(outcome="unknown", execution_error=None)
    first = desk.result("t1")
    assert (first.status, first.outcome) == ("halted", "unknown")
    loop = desk.loops("binance")[-1]
    for outcome in ("unknown", "filled"):
        told = desk.result_of(loop, kind="verify", outcome=outcome, corrects_report_id="report-9")
        desk.driver.feed("reconciliation_results", told, key="s1")
    resolving = [one for one in desk.driver.records("instruction_results") if one.resolves is not None]
    assert [one.outcome for one in resolving] == ["filled"]


def refused(desk: Desk, destination: str) -> str | None:
    made = builders.transfer("t1", desk.now, "USDT", D(1000), source="binance", destination=destination)
    desk.driver.feed("instructions", made, key="s1")
    found = [one for one in desk.driver.records("instruction_results") if one.instruction_id == "t1"]
    return found[0].error.code if found and found[0].error else None


def test_real_money_goes_to_no_address_outside_that_nobody_has_allowed() -> None:
    outside = "0x" + "ab" * 20
    own = AccountRef(lane="binance", venue="binance", account="s1")
    live: dict[str, Any] = {"simulated": False, "accounts": {"s1": [own]}}
    assert refused(Desk(fresh=True), outside) is None
    assert refused(Desk(fresh=True, **live), outside) == "EIM-013"
    allowed = Limits(default=Bounds(destinations=frozenset({outside})))
    assert refused(Desk(fresh=True, limits=allowed, **live), outside) is None
