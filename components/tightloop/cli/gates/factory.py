"""Gates of the interface factory: what it builds, and what it refuses before anything is built."""

from __future__ import annotations

import pickle

from tightloop.cli.gates.gate import expect, hold, refused, section
from tightloop.cli.gates.manager import LANES
from tightloop.domain.venues import VenueSpec
from tightloop.interfaces.factory import ExecutionInterfaceFactory as Factory
from tightloop.venues import registry
from tightloop.venues.credentials import checked, from_environment
from tightloop.venues.plugin import VenuePlugin

SECTION = "factory"
GATES, gate = section(SECTION)
SECRET = "gate-secret-7f3a9c"


def _keys(venue: VenueSpec, value: str = SECRET) -> dict[str, str]:
    return dict.fromkeys(venue.credentials, value)


@gate
def it_builds_every_kind_of_every_lane() -> str:
    built = Factory.create_all_interfaces({"lanes": LANES})
    expect("exchanges", set(built["cex"]), {"binance", "bybit", "okx"})
    expect("swaps", set(built["dex"]), {"uniswap", "curve"})
    expect("on chain", set(built["onchain"]), {"uniswap", "curve", "aave", "morpho", "wallet"})
    hold("a wallet transfers", "wallet" in built["transfer"])
    return ", ".join(f"{len(venues)} {kind}" for kind, venues in built.items())


@gate
def an_unknown_venue_mode_and_environment_are_refused() -> str:
    refused("EIF-002", lambda: Factory.create_cex_interface("binnance"), "'binance'")
    refused("EIF-002", lambda: Factory.create_cex_interface("aave"), "protocol")
    refused("EIF-007", lambda: Factory.create_dex_interface("aave"), "swap")
    refused("EIF-005", lambda: Factory.create_cex_interface("binance", None, "paper"), "paper")
    refused("EIF-004", lambda: checked(registry.known().venues.find("binance"), "production", {}), "production")
    return "EIF-002, EIF-004, EIF-005, EIF-007"


@gate
def credentials_that_are_missing_or_placeholders_are_refused() -> str:
    binance = registry.known().venues.find("binance")
    refused("EIF-003", lambda: from_environment(binance, "dev", {}), "BASIS_DEV__")
    refused("EIF-006", lambda: checked(binance, "dev", _keys(binance, "your_api_key")), "placeholder")
    refused("EIF-003", lambda: checked(binance, "dev", {**_keys(binance), "CEX__KRAKEN_KEY": SECRET}), "KRAKEN")
    return "EIF-003, EIF-006"


@gate
def credentials_of_another_environment_or_venue_are_refused() -> str:
    venues = registry.known().venues
    dev = checked(venues.find("binance"), "dev", _keys(venues.find("binance")))
    refused("EIF-008", lambda: checked(venues.find("binance"), "prod", dev), "dev")
    refused("EIF-008", lambda: checked(venues.find("okx"), "dev", dev), "binance")
    return "EIF-008"


@gate
def no_credential_is_shown_anywhere() -> str:
    binance = registry.known().venues.find("binance")
    held = checked(binance, "dev", _keys(binance))
    interface = Factory.create_cex_interface("binance", held, "backtest")
    shown = [repr(held), str(held), held.model_dump_json(), repr(interface), repr(vars(interface))]
    hold("it is in a repr or dump", not any(SECRET in text for text in shown))
    try:
        pickle.dumps(held)
    except TypeError:
        return "repr, str, JSON; no pickle"
    raise AssertionError("credentials were pickled")


@gate
def an_unknown_configuration_key_is_refused_with_the_nearest_one() -> str:
    refused("EIF-010", lambda: Factory.create_all_interfaces({"recociliation": {}}), "'reconciliation'")
    refused("EIF-010", lambda: Factory.create_all_interfaces({"lanes": ["binnance"]}), "binance")
    return "EIF-010"


@gate
def a_venue_is_registered_once() -> str:
    known = registry.known().venues.find("okx")
    taken = VenuePlugin(spec=VenueSpec(name=known.name, kind="exchange", markets=("spot",)))
    refused("EIF-009", lambda: Factory.register(taken), "okx")
    return "EIF-009"
