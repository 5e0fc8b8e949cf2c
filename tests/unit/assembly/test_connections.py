"""What a live lane is refused for before its adapter is built, and that nothing secret is in the refusal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.secret_watch import SECRET

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.venues import binance, registry, wallet
from tightloop.venues.credentials import Credentials


class Built:
    """An adapter, as far as it is looked at here."""

    def __init__(self, lane: LaneSpec, credentials: Credentials) -> None:
        self.lane, self.credentials = lane, credentials


class Venues:
    """Binance and the wallet with live adapters that are never to be built when something is wrong."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.built: list[Built] = []
        self._monkeypatch = monkeypatch

        def connect(lane: LaneSpec, credentials: Credentials) -> Any:
            self.built.append(Built(lane, credentials))
            return self.built[-1]

        live = {"connect": connect, "connect_reader": connect}
        others = [one for one in registry.BUILT_IN if one.spec.name not in ("binance", "wallet")]
        made = [replace(binance.PLUGIN, **live), replace(wallet.PLUGIN, **live), *others]
        there = registry.Registry(made)
        monkeypatch.setattr(registry, "known", lambda: there)

    def set(self, environment: str, **changes: str | None) -> None:
        """All credentials of both venues and their further lanes; ``changes`` by name, None: not set."""
        values = dict.fromkeys((*binance.SPEC.credentials, *binance.SPEC.read_credentials), SECRET) | {
            "ALCHEMY__PRIVATE_KEY": SECRET,
            "ALCHEMY__RPC_URL": "https://eth-sepolia.provider.example/v2/" + SECRET,
            "ALCHEMY__WALLET_ADDRESS": "0x" + "ab" * 20,
            "ALCHEMY__NETWORK": "sepolia",
            "ALCHEMY__CHAIN_ID": "11155111",
        }
        for name, value in {**values, **changes}.items():
            for begins in ("", "BINANCE_2__", "SEPOLIA__"):
                variable = f"BASIS_{environment.upper()}__{begins}{name}"
                if value is None:
                    self._monkeypatch.delenv(variable, raising=False)
                else:
                    self._monkeypatch.setenv(variable, value)


@pytest.fixture
def venues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Venues]:
    yield Venues(monkeypatch)


def configured(environment: str = "dev", *, live_trading: bool = False, **lanes: dict[str, Any]) -> Config:
    return Config.model_validate(
        {
            "environment": environment,
            "live_trading": live_trading,
            "lanes": {name.replace("_", "-"): {"simulated": False, **lane} for name, lane in lanes.items()},
        }
    )


BINANCE: dict[str, Any] = {"binance": {}}
SEPOLIA: dict[str, Any] = {"sepolia": {"chain_id": 11155111, "venues": ["wallet", "aave"]}}
MAIN: dict[str, Any] = {"ethereum": {}}
REAL, TEST, LOCAL = (f"https://{host}" for host in ("api.binance.com", "testnet.binance.vision", "127.0.0.1:8901"))

REFUSED: dict[str, tuple[Config, dict[str, str | None], str, str]] = {
    "a credential that is not set": (
        configured(**BINANCE),
        {"CEX__BINANCE_SPOT_SECRET": None},
        "EIF-003",
        "BASIS_DEV__CEX__BINANCE_SPOT_SECRET",
    ),
    "one of a further lane": (
        configured(binance_2={"venue": "binance"}),
        {"CEX__BINANCE_SPOT_SECRET": None},
        "EIF-003",
        "BASIS_DEV__BINANCE_2__CEX__BINANCE_SPOT_SECRET",
    ),
    "a placeholder": (
        configured(**BINANCE),
        {"CEX__BINANCE_SPOT_SECRET": "your_secret"},
        "EIF-006",
        "BASIS_DEV__CEX__BINANCE_SPOT_SECRET",
    ),
    "real money in dev": (configured(binance={"endpoint": REAL}), {}, "EIF-008", "api.binance.com"),
    "real money, written with a dot": (
        configured(binance={"endpoint": "https://api.binance.com."}),
        {},
        "EIF-008",
        "real money",
    ),
    "real money in staging": (configured("staging", binance={"endpoint": REAL}), {}, "EIF-008", "api.binance.com"),
    "a test network in prod": (
        configured("prod", live_trading=True, binance={"endpoint": TEST}),
        {},
        "EIF-008",
        "testnet.binance.vision",
    ),
    "a provider of another chain": (configured(**SEPOLIA), {"ALCHEMY__CHAIN_ID": "1"}, "EIF-008", "ALCHEMY__CHAIN_ID"),
    "a main network in dev": (configured(**MAIN), {"ALCHEMY__CHAIN_ID": "1"}, "EIF-008", "main network"),
    "a chain that is no number": (configured(**SEPOLIA), {"ALCHEMY__CHAIN_ID": "one"}, "EIF-003", "ALCHEMY__CHAIN_ID"),
    "a provider that is no URL": (configured(**SEPOLIA), {"ALCHEMY__RPC_URL": SECRET}, "EIF-010", "ALCHEMY__RPC_URL"),
    "prod without the switch": (configured("prod", **BINANCE), {}, "EIF-013", "live_trading"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_wrong_is_refused_before_anything_is_built(venues: Venues, why: str) -> None:
    config, changes, code, says = REFUSED[why]
    venues.set(config.environment, **changes)
    with pytest.raises(ExecutionError) as refused:
        build.make_adapters("executor", next(iter(config.lanes)), config)
    shown = f"{refused.value.message} {refused.value.remedy}"
    assert (refused.value.code, says in shown) == (code, True), shown
    assert venues.built == []
    assert SECRET not in f"{refused.value!r} {refused.value} {refused.value.context} {shown}"


ALLOWED: dict[str, Config] = {
    "dev at its own address": configured(**BINANCE),
    "dev at a stand-in": configured(binance={"endpoint": LOCAL}),
    "staging at a test network": configured("staging", binance={"endpoint": TEST}),
    "prod with the switch": configured("prod", live_trading=True, binance={"endpoint": REAL}),
    "a further lane of an exchange": configured(binance_2={"venue": "binance"}),
    "a chain that is a test network": configured(**SEPOLIA),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_right_is_built_with_its_lanes_own_credentials(venues: Venues, what: str) -> None:
    config = ALLOWED[what]
    venues.set(config.environment)
    lane = next(iter(config.lanes))
    adapter: Any = build.make_adapters("executor", lane, config)[lane]
    assert (adapter.lane.name, adapter.lane.endpoint) == (lane, config.lanes[lane].endpoint)
    names = (wallet.SPEC if lane == "sepolia" else binance.SPEC).credentials
    assert tuple(adapter.credentials.values) == names
    assert SECRET not in f"{adapter.credentials!r} {adapter.credentials}"


def test_reconciliation_reads_on_prod_without_the_switch(venues: Venues) -> None:
    venues.set("prod")
    config = configured("prod", **BINANCE)
    (reader,) = build.make_adapters("reconciliation", None, config).values()
    assert tuple(reader.credentials.values) == binance.SPEC.read_credentials  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("lane", "says"),
    [
        ({"simulated": True, "endpoint": TEST}, "simulated"),
        ({"endpoint": "testnet.binance.vision"}, "must be a URL"),
        ({"endpoint": "https://me:secret@testnet.binance.vision"}, "no user and password"),
    ],
)
def test_an_endpoint_that_cannot_be_one_is_refused(lane: dict[str, Any], says: str) -> None:
    with pytest.raises(ExecutionError, match="EIF-010") as refused:
        configured(binance=lane).directory()
    assert says in refused.value.message
    assert "me:secret" not in str(refused.value)


def test_no_output_of_the_command_line_holds_a_credential(tmp_path: Path) -> None:
    """Refused, shown, checked: by processes of their own, with everything that they print."""
    (tmp_path / "tightloop.toml").write_text(
        'bootstrap = "127.0.0.1:1"\n[lanes.binance]\nsimulated = false\n', encoding="utf-8"
    )
    variables = {name: SECRET for reading in (False, True) for name in binance.SPEC.variables("dev", reading=reading)}
    for arguments in (["config", "--json"], ["config"], ["doctor"], ["run", "executor", "binance"]):
        done = subprocess.run(
            [sys.executable, "-m", "tightloop.cli", *arguments],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout + done.stderr, arguments
        assert SECRET not in done.stdout + done.stderr, arguments
