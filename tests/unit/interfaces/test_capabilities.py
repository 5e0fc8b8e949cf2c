"""What a configuration or an instruction needs and its venue lacks is refused, and says what the venue has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tightloop import CEXExecutionInterface, ExecutionError, ExecutionInterfaceFactory, ExecutionInterfaceManager
from tightloop.domain.venues import VenueSpec
from tightloop.venues import registry
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import exchange, spot

AT = datetime(2024, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def spot_alone() -> Iterator[None]:
    """An exchange without perpetuals, and one that nobody can simulate."""
    registry.known.cache_clear()
    spec = VenueSpec(name="corner", kind="exchange", markets=("spot",))
    markets = (spot("BTC/USDT", tick="0.01", lot="0.001"),)
    made = VenuePlugin(spec=spec, simulate=lambda lane: exchange(lane.name, symbols=markets))
    ExecutionInterfaceFactory.register(made)
    ExecutionInterfaceFactory.register(VenuePlugin(spec=VenueSpec(name="vault", kind="exchange", markets=("spot",))))
    yield
    registry.known.cache_clear()


@pytest.mark.parametrize(
    ("positions", "code", "says"),
    [
        ({"corner:Perp:BTC/USDT:USDT": 1}, "EIF-007", "corner has no perp market, but spot"),
        ({"corner:MarginBalance:USDT": 1}, "EIF-007", "corner has no perp market, but spot"),
        ({"corner": 1}, "EIF-010", "'corner'"),
        ({"cornr:BaseToken:USDT": 1}, "EIF-010", "did you mean 'corner'?"),
    ],
)
def test_positions_that_a_venue_cannot_have_are_refused(positions: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        ExecutionInterfaceManager({"lanes": ["corner"], "initial_positions": positions})
    assert (refused.value.code, says in refused.value.message) == (code, True), refused.value


def test_a_market_that_a_venue_does_not_trade_is_refused() -> None:
    order = {"symbol": "BTC/USDT:USDT", "market": "perp", "side": "buy", "amount": 1, "reference_price": 60_000}
    done = CEXExecutionInterface("corner").execute_trade(order, {"timestamp": AT})
    assert (done["status"], done["error"]["code"]) == ("refused", "EIM-007")
    assert "corner has spot, not perp" in done["error"]["message"]


def test_a_venue_that_nobody_can_simulate_is_refused_before_a_backtest_is_built() -> None:
    for build in (
        lambda: CEXExecutionInterface("vault"),
        lambda: ExecutionInterfaceFactory.create_cex_interface("vault", None, "backtest"),
        lambda: ExecutionInterfaceFactory.create_all_interfaces({"lanes": ["vault"]}),
        lambda: ExecutionInterfaceManager({"lanes": ["vault"]}),
    ):
        with pytest.raises(ExecutionError, match=r"EIF-007.*vault has no simulation"):
            build()
