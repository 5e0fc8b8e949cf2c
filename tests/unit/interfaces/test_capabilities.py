"""What a configuration or an instruction needs and its venue lacks is refused, and says what the venue has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tightloop import CEXExecutionInterface, ExecutionError, ExecutionInterfaceFactory, ExecutionInterfaceManager
from tightloop.domain.venues import VenueSpec
from tightloop.venues import registry
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import exchange, spot

D = Decimal
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


def test_fees_are_the_exchanges_own_unless_others_are_given() -> None:
    manager = ExecutionInterfaceManager(
        {"lanes": ["binance", "okx"], "fees": {"okx": {"spot_taker": "0.0005", "spot_maker": "-0.0002"}}}
    )
    buy = {"symbol": "BTC/USDT", "side": "buy", "amount": 1, "reference_price": 60_000}
    taken = {
        venue: manager.cex_execution_interfaces[venue].execute_trade(buy, {"timestamp": AT})["fees"][
            f"{venue}:BaseToken:BTC"
        ]
        for venue in ("binance", "okx")
    }
    assert taken == {"binance": D("0.001"), "okx": D("0.0005")}


def test_a_rebate_is_paid_to_who_makes_the_market() -> None:
    prices = {AT + timedelta(hours=hour): {"BTC/USDT": price} for hour, price in enumerate((60_000, 59_000, 59_000))}

    class Falling:
        def get_market_data(self, timestamp: datetime) -> Any:
            return prices[max(at for at in prices if at <= timestamp)]

        def next_after(self, timestamp: datetime) -> datetime | None:
            return min((at for at in prices if at > timestamp), default=None)

    manager = ExecutionInterfaceManager({"fees": {"binance": {"spot_maker": "-0.0001"}}}, Falling())
    limit = {"price": 59_500, "time_in_force": "GTC", "expires_at": (AT + timedelta(hours=2)).isoformat()}
    made = manager.route_instruction(
        AT, {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": 1, **limit}
    )
    assert [fill["liquidity"] for fill in made["fills"]] == ["maker"]
    assert made["fees"] == {"binance:BaseToken:BTC": D("-0.0001")}
    assert made["execution_deltas"]["binance:BaseToken:BTC"] == D("1.0001")
    assert made["status"] == "reconciled"


@pytest.mark.parametrize(
    ("fees", "code", "says"),
    [
        ({"binanse": {"spot_taker": "0.001"}}, "EIF-010", "did you mean 'binance'?"),
        ({"binance": {"spot_takr": "0.001"}}, "EIF-010", "spot_takr"),
        ({"binance": {"spot_taker": "0.5"}}, "EIF-010", "fees.binance.spot_taker"),
        ({"binance": {"spot_taker": "NaN"}}, "EIF-010", "fees.binance.spot_taker"),
        ({"corner": {"perp_taker": "0.001"}}, "EIF-007", "corner has no perp market"),
        ({"aave": {"spot_taker": "0.001"}}, "EIF-007", "aave has no spot market"),
    ],
)
def test_fees_that_cannot_be_are_refused(fees: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(ExecutionError) as refused:
        ExecutionInterfaceManager({"fees": fees})
    assert (refused.value.code, says in refused.value.message) == (code, True), refused.value
