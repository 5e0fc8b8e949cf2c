"""The registry of venues: what is built in, what other packages bring along, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from tightloop.assembly.config import Config
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues import registry
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import exchange

KRAKEN = VenuePlugin(
    spec=VenueSpec(name="kraken", kind="exchange", markets=("spot",)), simulate=lambda lane: exchange(lane.name)
)
NO_VENUE = "a text"


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points that are installed, as far as the registry knows."""
    installed: list[EntryPoint] = []

    def entry_points(**wanted: Any) -> EntryPoints:
        return EntryPoints(installed).select(**wanted)

    monkeypatch.setattr(registry, "entry_points", entry_points)
    registry.known.cache_clear()
    yield installed
    registry.known.cache_clear()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, registry.GROUP)


def test_a_packages_exchange_is_a_lane_by_its_name(packages: list[EntryPoint]) -> None:
    packages.append(point("kraken", f"{__name__}:KRAKEN"))
    config = Config.model_validate({"lanes": ["binance", "kraken"]})
    assert config.directory().lanes["kraken"].venues == ("kraken",)
    assert config.directory().venues.find("kraken").markets == ("spot",)


def test_an_entry_point_that_cannot_be_loaded_is_named(packages: list[EntryPoint]) -> None:
    for value, why in (("nowhere.at.all:PLUGIN", "ModuleNotFoundError"), (f"{__name__}:NO_VENUE", "is a str")):
        packages[:] = [point("odd", value)]
        with pytest.raises(ExecutionError, match=why) as caught:
            registry.known()
        assert caught.value.code == "EIF-001"
        assert value in caught.value.message


def test_a_venue_of_ones_own_is_registered_by_a_program(packages: list[EntryPoint]) -> None:
    registry.register(KRAKEN)
    assert registry.known().plugin("kraken") is KRAKEN


@pytest.mark.parametrize("spec", [{"name": "binance"}, {"name": "alchemy"}, {"name": "new", "aliases": ("okx",)}])
def test_a_name_that_is_taken_is_refused(spec: dict[str, Any]) -> None:
    there = registry.Registry()
    with pytest.raises(ExecutionError, match=r"EIF-009"):
        there.register(VenuePlugin(spec=VenueSpec(kind="exchange", markets=("spot",), **spec)))
    assert there.venues.get("new") is None


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "Kraken!", "kind": "exchange", "markets": ("spot",)}, "1 to 40 of a to z"),
        ({"name": "kraken", "kind": "exchange", "markets": ("spot",), "aliases": ("a:b",)}, "'a:b'"),
        ({"name": "kraken", "kind": "broker", "markets": ("spot",)}, "none of exchange, protocol, wallet"),
        ({"name": "kraken", "kind": "exchange"}, "an exchange has markets"),
        ({"name": "kraken", "kind": "exchange", "markets": ("spot", "option")}, "option"),
        ({"name": "lender", "kind": "protocol"}, "a protocol has operations"),
        ({"name": "kraken", "kind": "exchange", "markets": ("spot",), "acceptance_window_s": 0}, "above zero"),
    ],
)
def test_a_specification_that_cannot_be_one_is_refused(spec: dict[str, Any], says: str) -> None:
    there = registry.Registry()
    with pytest.raises(ExecutionError, match="EIF-010") as refused:
        there.register(VenuePlugin(spec=VenueSpec(**spec)))
    assert says in refused.value.message
    assert there.venues.get(spec["name"]) is None


def test_an_unknown_venue_is_refused_with_the_nearest() -> None:
    with pytest.raises(ExecutionError, match=r"EIF-010.*did you mean 'binance'\?"):
        registry.Registry().plugin("binanse")


def test_every_venue_is_on_the_lane_that_is_its_by_name() -> None:
    there = registry.Registry()
    lanes = {lane.name: lane for lane in there.lanes()}
    assert list(lanes) == ["binance", "bybit", "okx", "ethereum"]
    assert all(spec.name in lanes[spec.default_lane].venues for spec in there.venues)
    assert all(lane.home in lane.venues for lane in lanes.values())
