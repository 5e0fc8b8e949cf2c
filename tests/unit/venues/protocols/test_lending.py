"""What wallets have in lending markets, as time goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tightloop.venues.sim.books import Reverted
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.market import Market, Series
from tightloop.venues.sim.protocols.fixed_point import RAY
from tightloop.venues.sim.protocols.growth import Steps
from tightloop.venues.sim.protocols.lending import Lending
from tightloop.venues.sim.protocols.tokens import Tokens

D = Decimal
MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def lending(**rates: Series[tuple[Decimal, Decimal]]) -> Lending:
    market = Market({("x", "BTC/USDT"): Series([(MIDNIGHT, D(1))])}, {}, rates, None)
    settings = chain("ethereum")
    return Lending(settings, market, Steps(market.start, HOUR), Tokens(settings.decimals, market))


def test_indices_grow_by_the_second_at_the_rate_of_their_time() -> None:
    """8.76 % a year are 0.001 % an hour, to the last ray."""
    rates = Series([(MIDNIGHT, (D("0.0876"), D("0.876"))), (MIDNIGHT + 2 * HOUR, (D(0), D("0.876")))])
    found = lending(WETH=rates)
    at = [found.indices("WETH", MIDNIGHT + when) for when in (0 * HOUR, SECOND, HOUR, 2 * HOUR, 3 * HOUR)]
    assert at[0] == (RAY, RAY)
    assert at[1][0] == RAY + 876 * RAY // 10_000 // 31_536_000
    assert at[2][0] == RAY + RAY // 100_000
    assert at[2][0] < at[3][0] == at[4][0]
    assert [index for _, index in at] == sorted({index for _, index in at})


def test_what_is_asked_in_between_does_not_change_what_comes_after() -> None:
    rates = Series([(MIDNIGHT, (D("0.05"), D("0.07")))])
    one, other = lending(WETH=rates, USDT=rates), lending(WETH=rates, USDT=rates)
    for seconds in range(0, 7200, 7):
        one.indices("WETH", MIDNIGHT + seconds * SECOND)
        one.totals("WETH/USDT", MIDNIGHT + seconds * SECOND)
    late = MIDNIGHT + 100 * HOUR + 1234 * SECOND
    assert one.indices("WETH", late) == other.indices("WETH", late)
    assert one.totals("WETH/USDT", late) == other.totals("WETH/USDT", late)


def test_an_hours_interest_of_a_market_is_its_rate_on_what_is_borrowed() -> None:
    """7.2 % a year on 90 % of 50 million: 369.86 an hour."""
    found = lending(USDT=Series([(MIDNIGHT, (D("0.05"), D("0.072")))]))
    before, after = (found.totals("WETH/USDT", MIDNIGHT + when) for when in (0 * HOUR, HOUR))
    interest = D(after.borrow_assets - before.borrow_assets).scaleb(-6)
    assert float(interest) == pytest.approx(0.072 * 45_000_000 / 8760, abs=0.002)
    assert after.supply_assets - before.supply_assets == after.borrow_assets - before.borrow_assets


@pytest.mark.parametrize(
    "key", ["aave:aToken:WETH", "aave:debtToken:WETH", "morpho:Supply:WETH/USDT", "morpho:Borrow:WETH/USDT"]
)
def test_shares_give_back_the_balance_that_they_were_made_of(key: str) -> None:
    rates = Series([(MIDNIGHT, (D("0.05"), D("0.07")))])
    found = lending(WETH=rates, USDT=rates)
    at = MIDNIGHT + 1000 * HOUR
    unit = D("1e-18") if key.endswith("WETH") else D("1e-6")
    for amount in (D(1), D("123.456789"), D("0.000001")):
        worth = found.worth(key, found.shares_of(key, amount, at), at)
        assert abs(worth - amount) <= unit, key


def test_what_has_no_market_is_refused() -> None:
    found = lending()
    with pytest.raises(Reverted, match="DOGE has no lending market"):
        found.indices("DOGE", MIDNIGHT)
    with pytest.raises(Reverted, match="no Morpho market DOGE/USDT"):
        found.token_of("morpho:Supply:DOGE/USDT")
