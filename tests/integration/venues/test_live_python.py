"""The classes in one's own process trade live: each exchange's adapter against its ``tightloop sandbox``, no broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.live_face import LIVE, LiveVenue

from tightloop import ExecutionError, ExecutionInterfaceManager

KEY = "strategy"
PERP = "BTC/USDT:USDT"
SHORT = {"market": "perp", "symbol": PERP, "side": "sell"}


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture
def sandbox(venue: LiveVenue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeSandbox]:
    (tmp_path / "exchange").mkdir()
    found = venue.sandbox(tmp_path / "exchange", account=KEY)
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    yield found
    found.close()


def opened(sandbox: ExchangeSandbox, folder: Path) -> ExecutionInterfaceManager:
    config = {
        "lanes": {sandbox.name: {"simulated": False, "endpoint": sandbox.address}},
        "accounts": {KEY: {"strategy": KEY, "lane": sandbox.name}},
    }
    return ExecutionInterfaceManager(config, None, "live", journal=folder / "desk.journal")


class Desk:
    """A manager whose account is adopted, as the first order asks for."""

    def __init__(self, sandbox: ExchangeSandbox, folder: Path) -> None:
        self.venue = sandbox.name
        self.manager = opened(sandbox, folder)
        try:
            with pytest.raises(ExecutionError, match=r"EIM-014.*version 1"):
                self.route(self.buy("i1"))
            self.manager.adopt(1, reason="it is the sandbox's")
        except BaseException:
            self.manager.close()
            raise

    def buy(self, name: str, **fields: Any) -> dict[str, Any]:
        order = {"type": "cex_trade", "venue": self.venue, "symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}
        return {**order, "instruction_id": name, "strategy_id": KEY, **fields}

    def route(self, order: dict[str, Any]) -> Any:
        return self.manager.route_instruction(datetime.now(UTC), order)

    def route_group(self, *legs: dict[str, Any]) -> Any:
        return self.manager.route_group(datetime.now(UTC), list(legs))


@pytest.fixture
def desk(sandbox: ExchangeSandbox, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(sandbox, tmp_path)
    yield found
    found.manager.close()


def after_fee(venue: LiveVenue) -> Decimal:
    """What a spot order of 0.1 leaves."""
    return Decimal("0.1") * (1 - venue.settings.spot_taker)


def test_a_manager_in_process_trades_once_its_account_is_adopted(
    venue: LiveVenue, sandbox: ExchangeSandbox, desk: Desk
) -> None:
    spot = desk.route(desk.buy("i2"))
    perpetual = desk.route(desk.buy("i3", **SHORT))
    assert [one["outcome"] for one in (spot, perpetual)] == ["filled", "filled"], (spot, perpetual)
    assert spot["execution_deltas"][f"{venue.name}:BaseToken:BTC"] == after_fee(venue)
    assert spot["fees"] == {f"{venue.name}:BaseToken:BTC": Decimal("0.1") - after_fee(venue)}
    assert perpetual["execution_deltas"][f"{venue.name}:Perp:{PERP}"] == Decimal("-0.1")
    (fill,) = perpetual["fills"]
    paid = fill["cost"] * venue.settings.perp_taker
    assert perpetual["fees"] == {f"{venue.name}:MarginBalance:USDT": paid}
    done = [one["client_order_id"] for one in sandbox.books()["orders"]]
    assert len(done) == len(set(done)) == 2


def test_a_basis_trade_opens_and_closes_as_groups_and_a_leg_that_fails_halts_the_key(
    venue: LiveVenue, sandbox: ExchangeSandbox, desk: Desk
) -> None:
    opening = desk.route_group(desk.buy("open-1"), desk.buy("open-2", **SHORT, scale_to_filled=True))
    assert opening["success"], opening
    assert opening["execution_deltas"][f"{venue.name}:Perp:{PERP}"] == Decimal("-0.1")
    closing = desk.route_group(
        desk.buy("close-1", market="perp", symbol=PERP, reduce_only=True),
        desk.buy("close-2", side="sell", amount=str(after_fee(venue))),
    )
    assert closing["success"], closing
    held = {key: Decimal(amount) for key, amount in sandbox.books()["balances"].items()}
    assert (held.get(f"{venue.name}:Perp:{PERP}"), held[f"{venue.name}:BaseToken:BTC"]) == (None, 10)
    sandbox.control("POST", "/admin/faults", {"kind": "reject", "count": 1, "skip": 1, "operations": ["order"]})
    failing = desk.route_group(desk.buy("fail-1"), desk.buy("fail-2", **SHORT))
    assert not failing["success"]
    assert [leg["outcome"] for leg in failing["legs"]] == ["filled", "rejected"], failing
    after = desk.route(desk.buy("after"))
    assert (after["success"], after["error"]["code"]) == (False, "EIM-011"), "the key waits for an operator"
