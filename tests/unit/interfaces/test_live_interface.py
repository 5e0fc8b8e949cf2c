"""An interface that trades live, in process: refused before anything is built, or through a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.secret_watch import SECRET

from tightloop import (
    CEXExecutionInterface,
    ExecutionError,
    ExecutionInterfaceFactory,
    ExecutionInterfaceManager,
    PositionUpdateHandler,
    ReconciliationComponent,
)
from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues import registry
from tightloop.venues.credentials import Credentials
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.inprocess import InProcessExchange, InProcessReader
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings, exchange

D = Decimal
KEYS = {"KRAKEN_KEY": SECRET}
ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}


class Kraken:
    """An exchange that outlives whoever trades there, and counts the adapters that were built for it."""

    def __init__(self) -> None:
        origin = datetime.now(UTC) - timedelta(days=30)
        settings = SimSettings(exchanges=(exchange("kraken"),), chains=(), market_origin=origin)
        self.sandbox = Sandbox(settings, lambda: datetime.now(UTC))
        self.built: list[Credentials] = []
        spec = VenueSpec(name="kraken", kind="exchange", markets=("spot", "perp"), credentials=("KRAKEN_KEY",))
        made = VenuePlugin(spec=spec, connect=self._connect, connect_reader=self._read)
        ExecutionInterfaceFactory.register(made)

    def _connect(self, lane: LaneSpec, credentials: Credentials) -> Any:
        self.built.append(credentials)
        return InProcessExchange(lane, self.sandbox)

    def _read(self, lane: LaneSpec, credentials: Credentials) -> Any:
        assert not credentials.values
        return InProcessReader(lane, self.sandbox)

    def fault(self, kind: Any, **fields: Any) -> None:
        self.sandbox.faults.add(FaultRule(kind=kind, **fields), self.sandbox.now())

    def traded(self) -> list[Decimal]:
        return [one.amount for one in self.sandbox.ledger("kraken", "main", 0).entries if one.kind == "trade"]


@pytest.fixture
def kraken() -> Iterator[Kraken]:
    registry.known.cache_clear()
    yield Kraken()
    registry.known.cache_clear()


Open = Callable[[], CEXExecutionInterface]


@pytest.fixture
def opened(kraken: Kraken, tmp_path: Path) -> Iterator[Open]:
    """A live interface on the same journal each time; the one before is let go of."""
    made: list[CEXExecutionInterface] = []

    def again() -> CEXExecutionInterface:
        for one in made:
            one.close()
        made[:] = [ExecutionInterfaceFactory.create_cex_interface("kraken", KEYS, "live", journal=tmp_path / "journal")]
        return made[0]

    yield again
    for one in made:
        one.close()


def adopted(interface: CEXExecutionInterface) -> CEXExecutionInterface:
    with pytest.raises(ExecutionError, match="EIM-014"):
        interface.execute_trade({**ORDER, "instruction_id": "too-early"})
    interface.adopt(1, "a new account")
    return interface


REFUSED: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "an unknown environment": (KEYS, {"environment": "test"}, "EIF-004", "test"),
    "no credentials": (None, {}, "EIF-003", "BASIS_DEV__KRAKEN_KEY"),
    "a placeholder": ({"KRAKEN_KEY": "your_key"}, {}, "EIF-006", "BASIS_DEV__KRAKEN_KEY"),
    "prod without the switch": (KEYS, {"environment": "prod"}, "EIF-013", "live_trading"),
    "no journal": (KEYS, {}, "EIF-013", "journal="),
    "no journal on prod": (KEYS, {"environment": "prod", "live_trading": True}, "EIF-013", "journal="),
    "an account's name that is none": (KEYS, {"account": "a b"}, "EIF-010", "a b"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_it_is_refused_before_an_adapter_is_built(kraken: Kraken, tmp_path: Path, why: str) -> None:
    credentials, how, code, says = REFUSED[why]
    if "journal" not in why:
        how = {**how, "journal": tmp_path / "journal"}
    with pytest.raises(ExecutionError) as refused:
        ExecutionInterfaceFactory.create_cex_interface("kraken", credentials, "live", **how)
    shown = f"{refused.value.message} {refused.value.remedy}"
    assert (refused.value.code, says in shown) == (code, True), shown
    assert kraken.built == []
    assert list(tmp_path.iterdir()) == []
    assert SECRET not in f"{refused.value!r} {shown} {refused.value.context}"


def test_an_account_that_is_taken_over_waits_for_its_owners_word(kraken: Kraken, opened: Open) -> None:
    interface = opened()
    with pytest.raises(ExecutionError, match=r"EIM-014.*position version 1") as waits:
        interface.execute_trade(ORDER)
    assert "adopt" in waits.value.remedy
    with pytest.raises(ExecutionError, match="EIM-014"):
        interface.adopt(7, "another version")
    interface.adopt(1, "a new account")
    assert kraken.traded() == [], "what was asked for before that is withdrawn"
    done = interface.execute_trade({**ORDER, "instruction_id": "i2"})
    assert (done["status"], done["outcome"], done["filled_amount"]) == ("reconciled", "filled", D("0.1"))
    assert done["execution_deltas"]["kraken@main:BaseToken:BTC"] == D("0.0999")
    assert [fill["amount"] for fill in done["fills"]] == [D("0.1")]
    assert kraken.traded() == [D("0.1")]


def test_another_process_on_the_same_journal_goes_on_and_does_nothing_twice(kraken: Kraken, opened: Open) -> None:
    order = {**ORDER, "instruction_id": "i1", "created_at": datetime.now(UTC)}
    first = adopted(opened()).execute_trade(order)
    again = opened()
    assert again.execute_trade({**ORDER, "instruction_id": "i2"})["outcome"] == "filled"
    assert len(kraken.traded()) == 2
    with pytest.raises(ExecutionError, match="EIM-009"):
        again.execute_trade({**order, "amount": "0.2"})
    with pytest.raises(ExecutionError, match=r"EIM-009.*executed before by this journal"):
        again.execute_trade(order)
    assert again.execute_trade(ORDER)["outcome"] == "filled"
    assert opened().execute_trade(ORDER)["outcome"] == "filled", "an id of our own is not one of an earlier process"
    assert first["outcome"] == "filled" and len(kraken.traded()) == 4


def test_a_journal_belongs_to_one_process(opened: Open, tmp_path: Path) -> None:
    opened()
    with pytest.raises(ExecutionError, match="TLC-019"):
        CEXExecutionInterface("kraken", KEYS, "live", journal=tmp_path / "journal")


def test_an_answer_that_is_lost_is_resolved_by_evidence(kraken: Kraken, opened: Open) -> None:
    interface = adopted(opened())
    kraken.fault("lost_after", count=1, operations=("order",))
    assert interface.execute_trade({**ORDER, "instruction_id": "i1"})["outcome"] == "filled"
    assert kraken.traded() == [D("0.1")]


def test_a_refusal_of_the_venue_is_a_result(kraken: Kraken, opened: Open) -> None:
    done = adopted(opened()).execute_trade({**ORDER, "instruction_id": "i1", "side": "sell", "amount": 100})
    assert (done["status"], done["outcome"], done["error"]["code"]) == ("reconciled", "rejected", "EXI-006")


CONFIG = {
    "lanes": {"kraken": {"simulated": False}},
    "accounts": {"main": {"strategy": "strategy", "lane": "kraken"}},
}


def test_a_manager_trades_live_and_tells_what_the_venue_holds(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIS_DEV__KRAKEN_KEY", SECRET)
    manager = ExecutionInterfaceManager(CONFIG, None, "live", journal=tmp_path / "journal")
    try:
        order = {"type": "cex_trade", "venue": "kraken", **ORDER}
        with pytest.raises(ExecutionError, match="EIM-014"):
            manager.route_instruction(datetime.now(UTC), order)
        manager.adopt(1, "a new account")
        done = manager.route_instruction(datetime.now(UTC), {**order, "instruction_id": "i1"})
        assert (done["outcome"], manager.instructions_routed) == ("filled", 1)
        assert manager.get_positions(datetime.now(UTC))["kraken@main:BaseToken:BTC"] == D("10.0999")
        again = manager.cex_execution_interfaces["kraken"].execute_trade({**ORDER, "instruction_id": "i2"})
        assert again["outcome"] == "filled" and len(kraken.traded()) == 2
    finally:
        manager.close()
    assert [one.reveal("KRAKEN_KEY") for one in kraken.built] == [SECRET]
    assert SECRET.encode() not in (tmp_path / "journal").read_bytes()


@pytest.mark.parametrize(
    ("told", "amount", "says"),
    [({"BTC/USDT": 60_000}, "0.1", "6000"), ({"BTC/USDT": 60_000}, "0.005", None), ({}, "0.005", "price")],
)
def test_limits_of_a_live_manager_are_measured_by_its_providers_prices(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], amount: str, says: str | None
) -> None:
    monkeypatch.setenv("BASIS_DEV__KRAKEN_KEY", SECRET)

    class Told:
        def get_market_data(self, timestamp: datetime) -> dict[str, Any]:
            return told

    config = {**CONFIG, "limits": {"default": {"order_notional": 500}}}
    manager = ExecutionInterfaceManager(config, Told(), "live", journal=tmp_path / "journal")
    try:
        order = {"type": "cex_trade", "venue": "kraken", **ORDER, "amount": "0.001"}
        with pytest.raises(ExecutionError, match="EIM-014"):
            manager.route_instruction(datetime.now(UTC), order)
        manager.adopt(1, "a new account")
        done = manager.route_instruction(datetime.now(UTC), {**order, "amount": amount})
    finally:
        manager.close()
    if says is None:
        assert (done["outcome"], len(kraken.traded())) == ("filled", 1)
    else:
        assert (done["status"], done["error"]["code"], kraken.traded()) == ("refused", "EIM-013", [])
        assert says in done["error"]["message"]


@pytest.mark.parametrize("build", [ExecutionInterfaceManager, None])
def test_a_live_manager_is_refused_without_credentials_or_a_journal(
    kraken: Kraken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Any
) -> None:
    make = (
        (lambda **how: ExecutionInterfaceFactory.create_all_interfaces(CONFIG, "live", **how))
        if build is None
        else (lambda **how: build(CONFIG, None, "live", **how))
    )
    with pytest.raises(ExecutionError, match=r"EIF-003.*BASIS_DEV__KRAKEN_KEY"):
        make(journal=tmp_path / "journal")
    monkeypatch.setenv("BASIS_DEV__KRAKEN_KEY", SECRET)
    with pytest.raises(ExecutionError, match="EIF-013"):
        make()
    assert kraken.built == []


def test_a_backtest_has_no_journal_and_nothing_to_adopt() -> None:
    for what in (lambda made: made.adopt(1, "x"), lambda made: made.close()):
        with pytest.raises(ExecutionError, match="EIF-007"):
            what(CEXExecutionInterface("binance"))


def test_live_positions_are_never_compared_with_what_is_expected_itself() -> None:
    with pytest.raises(ExecutionError, match="EIF-010"):
        PositionUpdateHandler({}, None, "live")

    class Venue:
        def get_positions(self, timestamp: datetime) -> dict[str, int]:
            return {"binance:BaseToken:BTC": 1}

    handler = PositionUpdateHandler({}, Venue(), "live")
    assert handler.handle_position_update(datetime.now(UTC), {"binance:BaseToken:BTC": 1})["verified"]
    assert ReconciliationComponent({}, Venue(), "live").verify_position({"BTC": 1}, {"BTC": 1})
