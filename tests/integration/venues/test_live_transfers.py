"""Transfers through every component in one process: live adapters against the sandboxes of their exchanges."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.courier import carried
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.live_face import LIVE, LiveVenue

from tightloop import ExecutionError, ExecutionInterfaceManager
from tightloop.venues.live.transfers import APART_S
from tightloop.venues.sim.transactions import wallet_address

from .test_sim_server import Sim

KEY = "strategy"
OUTSIDE = "0x" + "ab" * 20
USDT, MARGIN = "binance:BaseToken:USDT", "binance:MarginBalance:USDT"


@pytest.fixture(params=LIVE, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> LiveVenue:
    found: LiveVenue = request.param
    return found


@pytest.fixture
def sandbox(venue: LiveVenue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeSandbox]:
    (tmp_path / "exchange").mkdir()
    found = venue.sandbox(tmp_path / "exchange", "wall", account=KEY)
    key = found.control("POST", "/admin/keys", account=KEY, withdraw="true")[0]
    if venue.funding:
        funds = {"position_key": venue.deposit_key("USDT"), "amount": "1500", "reference": "0xfunds"}
        found.control("POST", "/admin/deposit", {"lane": venue.name, "account": KEY, **funds})
    for name, value in found.variables.items():
        part = next((one for one in ("SECRET", "PASSPHRASE") if name.endswith(f"_{one}")), "KEY").lower()
        monkeypatch.setenv(name, value if "READONLY" in name else key[part])
    yield found
    found.close()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Sim]:
    """A simulated chain, with the strategy's wallet."""
    (tmp_path / "chain").mkdir()
    found = Sim(tmp_path / "chain").start()
    yield found
    found.end(signal.SIGTERM)


@pytest.fixture
def manager(
    venue: LiveVenue, sandbox: ExchangeSandbox, chain: Sim, tmp_path: Path
) -> Iterator[ExecutionInterfaceManager]:
    """Its account is adopted, as the first instruction asks for."""
    lane = {"simulated": False, "endpoint": sandbox.address, "withdraws_to": [OUTSIDE, wallet_address(KEY)]}
    wallets = [f"{venue.name}:spot"] if venue.spec.unified else [f"{venue.name}:perp", f"{venue.name}:spot"]
    config = {
        "lanes": {venue.name: lane, "ethereum": {}},
        "timing": {"arrival": 60},
        "simulator": f"127.0.0.1:{chain.port}",
        "accounts": {KEY: {"strategy": KEY, "lane": venue.name}},
        "limits": {"strategies": {KEY: {"destinations": [OUTSIDE, "wallet", *wallets]}}},
    }
    found = ExecutionInterfaceManager(config, None, "live", journal=tmp_path / "desk.journal")
    try:
        with pytest.raises(ExecutionError, match=r"EIM-014.*version 1"):
            found.route_instruction(datetime.now(UTC), moved("i1", f"{venue.name}:spot", OUTSIDE))
        found.adopt(1, reason="it is the sandbox's")
        yield found
    finally:
        found.close()


def moved(name: str, source: str, destination: str, amount: str = "500") -> dict[str, Any]:
    what = {"source": source, "destination": destination, "asset": "USDT", "amount": amount}
    venue = source.partition(":")[0]
    return {"type": "wallet_transfer", "venue": venue, "instruction_id": name, "strategy_id": KEY, **what}


def with_two_wallets(venue: LiveVenue) -> None:
    if venue.spec.unified:
        pytest.skip(f"{venue.name} has one wallet for both its markets")


def test_money_moves_to_the_futures_and_back_and_everything_is_reconciled(
    venue: LiveVenue, sandbox: ExchangeSandbox, manager: ExecutionInterfaceManager
) -> None:
    with_two_wallets(venue)
    there = manager.route_instruction(datetime.now(UTC), moved("i2", "binance:spot", "binance:perp"))
    assert (there["status"], there["outcome"]) == ("reconciled", "filled"), there
    assert there["execution_deltas"] == {USDT: Decimal(-500), MARGIN: Decimal(500)}
    back = manager.route_instruction(datetime.now(UTC), moved("i3", "binance:perp", "binance:spot", "200"))
    assert (back["status"], back["execution_deltas"]) == ("reconciled", {MARGIN: Decimal(-200), USDT: Decimal(200)})
    assert [one["amount"] for one in sandbox.books()["transfers"]] == ["500", "200"], "each once"


def test_a_withdrawal_whose_answer_was_lost_leaves_once_and_everything_is_reconciled(
    venue: LiveVenue, sandbox: ExchangeSandbox, manager: ExecutionInterfaceManager
) -> None:
    key = venue.settings.balance_key("spot", "USDT")
    sandbox.control("POST", "/admin/faults", {"kind": "lost_after", "count": 1, "operations": ["transfer"]})
    out = manager.route_instruction(datetime.now(UTC), moved("i2", f"{venue.name}:spot", OUTSIDE, "1000"))
    assert (out["status"], out["outcome"]) == ("reconciled", "filled"), out
    taken = 1002 if venue.settings.fee_on_top else 1000
    assert (out["execution_deltas"], out["fees"]) == ({key: Decimal(-taken)}, {key: Decimal(2)})
    assert [one["amount"] for one in sandbox.books()["transfers"]] == ["1000"], "once"


def test_a_movement_like_the_one_before_waits_until_it_can_be_told_from_it(
    venue: LiveVenue, sandbox: ExchangeSandbox, manager: ExecutionInterfaceManager
) -> None:
    with_two_wallets(venue)
    done = []
    for name in ("i2", "i3"):
        done.append(manager.route_instruction(datetime.now(UTC), moved(name, "binance:spot", "binance:perp")))
    assert [(one["status"], one["outcome"]) for one in done] == [("reconciled", "filled")] * 2, done
    first, second = (datetime.fromisoformat(one["event_time"]) for one in sandbox.books()["ledger"])
    assert (second - first).total_seconds() > APART_S


def test_a_withdrawal_that_the_exchange_could_not_send_is_rolled_back(
    venue: LiveVenue, sandbox: ExchangeSandbox, manager: ExecutionInterfaceManager
) -> None:
    sandbox.control("POST", "/admin/faults", {"kind": "withdrawal_fails", "count": 1})
    out = manager.route_instruction(datetime.now(UTC), moved("i2", f"{venue.name}:spot", OUTSIDE, "1000"))
    assert (out["status"], out["outcome"], out["execution_deltas"]) == ("reconciled", "rolled_back", {}), out


def test_money_goes_to_the_wallet_and_comes_back_and_counts_once(
    venue: LiveVenue, sandbox: ExchangeSandbox, chain: Sim, manager: ExecutionInterfaceManager
) -> None:
    key = venue.settings.balance_key("spot", "USDT")
    taken, travels = (1002, 1000) if venue.settings.fee_on_top else (1000, 998)

    def withdrawn() -> str | None:
        return next((one["tx_hash"] for one in sandbox.books()["transfers"] if one["status"] == "filled"), None)

    def to_wallet(reference: str) -> object:
        arrives = {"position_key": "wallet:BaseToken:USDT", "amount": str(travels), "reference": reference}
        return chain.post("/admin/deposit", {"lane": "ethereum", "account": KEY, **arrives})

    courier = carried(withdrawn, to_wallet)
    out = manager.route_instruction(datetime.now(UTC), moved("i2", f"{venue.name}:spot", "wallet", "1000"))
    courier.join(60)
    assert (out["status"], out["outcome"]) == ("reconciled", "filled"), out
    assert out["execution_deltas"][key] == -taken
    assert out["execution_deltas"]["wallet:BaseToken:USDT"] == travels

    def paid() -> str | None:
        books = chain.get(f"/admin/books?lane=ethereum&account={KEY}")["accounts"][0]
        return next((one["tx_hash"] for one in books["ledger"] if one["kind"] != "deposit"), None)

    def to_exchange(reference: str) -> object:
        arrives = {"position_key": venue.deposit_key("USDT"), "amount": "400", "reference": reference}
        return sandbox.control("POST", "/admin/deposit", {"lane": venue.name, "account": KEY, **arrives})

    courier = carried(paid, to_exchange)
    back = manager.route_instruction(datetime.now(UTC), moved("i3", "wallet", f"{venue.name}:spot", "400"))
    courier.join(60)
    assert (back["status"], back["outcome"]) == ("reconciled", "filled"), back
    assert back["execution_deltas"][key] == 400
    assert back["execution_deltas"]["wallet:BaseToken:USDT"] == -400
    again = manager.route_instruction(datetime.now(UTC), moved("i4", f"{venue.name}:spot", OUTSIDE, "1000"))
    assert again["status"] == "reconciled", "its ledger tells of what arrived, which was told of before"
