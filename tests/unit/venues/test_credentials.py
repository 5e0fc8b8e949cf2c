"""What the adapters of live lanes are built with: their venue's credentials, and reconciliation's are its own."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.lanes import REGISTRY
from tests.support.secret_watch import SECRET

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues import registry
from tightloop.venues.credentials import Credentials, from_environment
from tightloop.venues.plugin import VenuePlugin


class Live:
    """What a package's adapter is built with."""

    def __init__(self, kind: str, lane: LaneSpec, credentials: Credentials) -> None:
        self.kind, self.lane, self.credentials = kind, lane, credentials


def test_reading_needs_no_key_that_can_trade() -> None:
    for venue in REGISTRY.venues:
        trades, reads = venue.variables("dev"), venue.variables("dev", reading=True)
        keys = [name for name in reads if "KEY" in name or "SECRET" in name]
        assert not set(keys) & set(trades)
        assert all("READONLY" in name for name in keys)


def test_each_side_of_a_live_lane_has_credentials_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = VenuePlugin(
        spec=VenueSpec(
            name="kraken",
            kind="exchange",
            markets=("spot",),
            credentials=("KRAKEN_KEY",),
            read_credentials=("KRAKEN_VIEW",),
        ),
        connect=lambda lane, credentials: Live("adapter", lane, credentials),  # type: ignore[arg-type, return-value]
        connect_reader=lambda lane, credentials: Live("reader", lane, credentials),  # type: ignore[arg-type, return-value]
    )
    there = registry.Registry((*registry.BUILT_IN, made))
    monkeypatch.setattr(registry, "known", lambda: there)
    config = Config.model_validate({"lanes": {"kraken": {"simulated": False}}})
    with pytest.raises(ExecutionError, match=r"EIF-003.*BASIS_DEV__KRAKEN_KEY"):
        build.make_adapters("executor", "kraken", config)
    monkeypatch.setenv("BASIS_DEV__KRAKEN_KEY", SECRET)
    adapter: Any = build.make_adapters("executor", "kraken", config)["kraken"]
    told = (adapter.kind, adapter.lane.name, adapter.credentials.reveal("KRAKEN_KEY"))
    assert told == ("adapter", "kraken", SECRET)
    with pytest.raises(ExecutionError, match=r"EIF-003.*BASIS_DEV__KRAKEN_VIEW"):
        build.make_adapters("reconciliation", None, config)
    monkeypatch.setenv("BASIS_DEV__KRAKEN_VIEW", "your_key_here")
    with pytest.raises(ExecutionError, match="EIF-006"):
        build.make_adapters("reconciliation", None, config)
    monkeypatch.setenv("BASIS_DEV__KRAKEN_VIEW", "v")
    reader: Any = build.make_adapters("reconciliation", None, config)["kraken"]
    assert (reader.kind, list(reader.credentials.values)) == ("reader", ["KRAKEN_VIEW"])


def test_white_space_around_a_value_is_none_of_it() -> None:
    """Secrets are often written to variables from files that end with a line break."""
    names = REGISTRY.venues.find("bybit").variables("dev")
    found = from_environment(REGISTRY.venues.find("bybit"), "dev", dict.fromkeys(names, f"{SECRET}\n"))
    assert {one.get_secret_value() for one in found.values.values()} == {SECRET}
