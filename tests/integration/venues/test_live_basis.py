"""A basis trade on Kafka with live lanes: spot bought on Binance and the perpetual sold as one group, on Binance, on
Bybit and on OKX; opened, closed, and with a second leg that fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.chaos import workload
from tests.support.live_books import books_of
from tests.support.live_system import KEY, LiveLane, LiveSystem

from tightloop.records.types import Instruction
from tightloop.testing import group

pytestmark = pytest.mark.timeout(240)
D = Decimal
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
ELSEWHERE = "elsewhere"
HEDGES = {KEY: "binance", ELSEWHERE: "bybit", "on-okx": "okx"}  # the venue of each account that holds a perpetual
HELD = "binance:BaseToken:BTC"


@pytest.fixture
def system(broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveSystem]:
    """One strategy with an account at each of three exchanges."""
    lanes = tuple(LiveLane(name=venue, venue=venue, account=account) for account, venue in HEDGES.items())
    with LiveSystem(broker.bootstrap, topic_prefix, tmp_path, monkeypatch.setenv, lanes=lanes) as found:
        for account in HEDGES:
            found.publish(order(f"first-{account}", account, **workload.market(venue=HEDGES[account])))
            found.adopt_next()
            found.until_results(60)
        yield found


def test_a_basis_trade_opens_and_closes_on_one_exchange_and_across_two_and_a_failed_leg_leaves_its_groups_rule(
    system: LiveSystem,
) -> None:
    before = _books(system)
    _trade_basis(system, "open")
    opened = _books(system)
    bought = {(KEY, HELD): D("0.5994")}
    assert _moved(before, opened) == bought | {(account, _short(account)): D("-0.2") for account in HEDGES}

    _trade_basis(system, "close", back=True)
    closed = _books(system)
    assert _moved(before, closed) == {(KEY, HELD): D("-0.0006")}, "what the purchases' fees have taken"

    system.publish(
        *basis("cancels", hedged_at=ELSEWHERE, hedge="5000", on_failure="cancel_rest"), order("afterwards", KEY)
    )
    system.until_results(90)
    results = system.results()
    assert _told(results["cancels-0"]) == ("reconciled", "filled", None)
    assert _told(results["cancels-1"])[:2] == ("reconciled", "rejected")
    assert _told(results["afterwards"]) == ("reconciled", "filled", None), "the key goes on"

    system.publish(*basis("halts", hedged_at=ELSEWHERE, hedge="5000", on_failure="halt"))
    system.until_results(90)
    system.publish(order("stopped", KEY))
    system.until_results(60)
    results = system.results()
    assert _told(results["halts-0"]) == ("reconciled", "filled", None)
    assert _told(results["halts-1"])[:2] == ("reconciled", "rejected")
    assert _told(results["stopped"]) == ("refused", None, "EIM-011"), "the key is halted"
    (halt,) = system.watch.look().heads()[KEY]["halts"]
    assert halt["code"] == "EIM-019"
    assert "leg 2 of 2 (halts-1, sell BTC/USDT:USDT at bybit) ended rejected" in halt["message"]
    assert "done, and stays: buy BTC/USDT at binance (halts-0) filled 0.2" in halt["message"]


def _trade_basis(system: LiveSystem, name: str, *, back: bool = False) -> None:
    """One with each hedge."""
    system.publish(*(leg for account in HEDGES for leg in basis(f"{name}-{account}", hedged_at=account, back=back)))
    system.until_results(90)
    results = system.results()
    ended = {_told(results[f"{name}-{account}-{leg}"]) for account in HEDGES for leg in (0, 1)}
    assert ended == {("reconciled", "filled", None)}


def order(name: str, account: str, **payload: Any) -> Instruction:
    return replace(workload.instruction(KEY, name, **(payload or workload.market())), account=account)


def basis(
    name: str,
    *,
    hedged_at: str,
    amount: str = "0.2",
    hedge: str | None = None,
    back: bool = False,
    on_failure: Any = "halt",
) -> tuple[Instruction, ...]:
    """Spot on Binance, the perpetual at ``hedged_at``: bought and sold, or ``back`` again."""
    sides = ("sell", "buy") if back else ("buy", "sell")
    legs = (
        order(f"{name}-0", KEY, **workload.market(sides[0], amount, SPOT)),
        order(f"{name}-1", hedged_at, **workload.market(sides[1], hedge or amount, PERP, HEDGES[hedged_at])),
    )
    return group(name, *(replace(leg, on_failure=on_failure) for leg in legs))


def _books(system: LiveSystem) -> dict[tuple[str, str], Decimal]:
    """What the exchanges hold, by account and position."""
    return {
        (lane.account, key): D(amount)
        for lane in system.live
        for key, amount in books_of(system, lane)["balances"].items()
    }


def _moved(before: dict[tuple[str, str], Decimal], after: dict[tuple[str, str], Decimal]) -> dict[Any, Decimal]:
    """What changed of the coin and the perpetual."""
    places = [(account, key) for account, key in before | after if key in (HELD, _short(account))]
    moved = {place: after.get(place, D(0)) - before.get(place, D(0)) for place in places}
    return {place: amount for place, amount in moved.items() if amount}


def _short(account: str) -> str:
    return f"{HEDGES[account]}:Perp:{PERP}"


def _told(result: Any) -> tuple[str, str | None, str | None]:
    return result.status, result.outcome, result.error.code if result.error else None
