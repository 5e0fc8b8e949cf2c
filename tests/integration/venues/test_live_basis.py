"""A basis trade on Kafka with live lanes: spot bought and the perpetual sold as one group, on one exchange and across
two; opened, closed, and with a second leg that fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.chaos import workload
from tests.support.live_system import KEY, LiveLane, LiveSystem

from tightloop.records.types import Instruction
from tightloop.testing import group

pytestmark = pytest.mark.timeout(240)
D = Decimal
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
HEDGE = "hedge"  # the account at the other exchange
HELD = "binance:BaseToken:BTC"
SHORT = "binance:Perp:BTC/USDT:USDT"


@pytest.fixture
def system(broker: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveSystem]:
    """One strategy with an account at each of two exchanges: two sandboxes, each with books of its own."""
    lanes = (LiveLane(), LiveLane(name="binance-2", account=HEDGE, exchange="other"))
    with LiveSystem(broker.bootstrap, topic_prefix, tmp_path, monkeypatch.setenv, lanes=lanes) as found:
        for number, account in enumerate((KEY, HEDGE), 1):
            found.publish(order(f"first-{account}", account, **workload.market()))
            found.producer.flush(30)
            found.adopt(_adopted_version(found, number))
            found.until_results(60)
        yield found


def test_a_basis_trade_opens_and_closes_on_one_exchange_and_across_two_and_a_failed_leg_leaves_its_groups_rule(
    system: LiveSystem,
) -> None:
    before = _books(system)
    system.publish(*basis("one", hedged_at=KEY), *basis("two", hedged_at=HEDGE))
    system.until_results(90)
    assert _statuses(system, "one-0", "one-1", "two-0", "two-1") == {("reconciled", "filled")}
    opened = _books(system)
    assert _moved(before, opened) == {(KEY, HELD): D("0.3996"), (KEY, SHORT): D("-0.2"), (HEDGE, SHORT): D("-0.2")}

    system.publish(*basis("one-back", hedged_at=KEY, back=True), *basis("two-back", hedged_at=HEDGE, back=True))
    system.until_results(90)
    assert _statuses(system, "one-back-0", "one-back-1", "two-back-0", "two-back-1") == {("reconciled", "filled")}
    closed = _books(system)
    assert _moved(before, closed) == {(KEY, HELD): D("-0.0004")}, "what the purchases' fees have taken"

    system.publish(*basis("cancels", hedged_at=HEDGE, hedge="5000", on_failure="cancel_rest"), order("afterwards", KEY))
    system.until_results(90)
    results = system.results()
    assert _told(results["cancels-0"]) == ("reconciled", "filled", None)
    assert _told(results["cancels-1"])[:2] == ("reconciled", "rejected")
    assert _told(results["afterwards"]) == ("reconciled", "filled", None), "the key goes on"

    system.publish(*basis("halts", hedged_at=HEDGE, hedge="5000", on_failure="halt"))
    system.until_results(90)
    system.publish(order("stopped", KEY))
    system.until_results(60)
    results = system.results()
    assert _told(results["halts-0"]) == ("reconciled", "filled", None)
    assert _told(results["halts-1"])[:2] == ("reconciled", "rejected")
    assert _told(results["stopped"]) == ("refused", None, "EIM-011"), "the key is halted"
    (halt,) = system.watch.look().heads()[KEY]["halts"]
    assert halt["code"] == "EIM-019"
    assert "leg 2 of 2 (halts-1, sell BTC/USDT:USDT at binance) ended rejected" in halt["message"]
    assert "done, and stays: buy BTC/USDT at binance (halts-0) filled 0.2" in halt["message"]


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
    """Spot on the first exchange, the perpetual at ``hedged_at``: bought and sold, or ``back`` again."""
    sides = ("sell", "buy") if back else ("buy", "sell")
    legs = (
        order(f"{name}-0", KEY, **workload.market(sides[0], amount, SPOT)),
        order(f"{name}-1", hedged_at, **workload.market(sides[1], hedge or amount, PERP)),
    )
    return group(name, *(replace(leg, on_failure=on_failure) for leg in legs))


def _adopted_version(system: LiveSystem, number: int) -> int:
    """Of the positions that wait for their adoption, the ``number``-th."""

    def found() -> list[int]:
        seen = [one.value for one in system.watch.look().reconciliations]
        return [one["position_version"] for one in seen if (one["kind"], one["status"]) == ("adopt", "matched")]

    system.until(lambda: len(found()) >= number, 60, "an account waits to be adopted")
    return found()[number - 1]


def _books(system: LiveSystem) -> dict[tuple[str, str], Decimal]:
    """What the exchanges hold, by account and position."""
    held = {}
    for lane in system.live:
        accounts = system.sandbox_of(lane).control("GET", "/admin/books")["accounts"]
        (books,) = (one for one in accounts if one["account"] == lane.account)
        held.update({(lane.account, key): D(amount) for key, amount in books["balances"].items()})
    return held


def _moved(before: dict[tuple[str, str], Decimal], after: dict[tuple[str, str], Decimal]) -> dict[Any, Decimal]:
    """What changed of the coin and the perpetual."""
    places = [place for place in before | after if place[1] in (HELD, SHORT)]
    moved = {place: after.get(place, D(0)) - before.get(place, D(0)) for place in places}
    return {place: amount for place, amount in moved.items() if amount}


def _told(result: Any) -> tuple[str, str | None, str | None]:
    return result.status, result.outcome, result.error.code if result.error else None


def _statuses(system: LiveSystem, *names: str) -> set[tuple[str, str | None]]:
    results = system.results()
    return {(results[name].status, results[name].outcome) for name in names}
