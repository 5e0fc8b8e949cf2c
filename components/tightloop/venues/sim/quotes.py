"""What the simulated venues trade at now, as market data: prices, funding, lending rates, gas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from tightloop.domain import money
from tightloop.records.types import MarketData
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.market import STABLE, UNDERLYING
from tightloop.venues.sim.sandbox import Sandbox

HOME, LENDER = "wallet", "aave"  # under whose names a chain's prices and rates are told


def quotes(sandbox: Sandbox) -> list[MarketData]:
    """One record for each market of each venue, as of the venues' time. Changes nothing."""
    now = sandbox.now()
    with money.exact():
        found = [*_of_exchanges(sandbox, now)]
        for chain in sandbox.chains.values():
            found += _of_chain(sandbox, chain, now)
    return list({(one.venue, one.symbol, one.kind): one for one in found}.values())


def _of_exchanges(sandbox: Sandbox, now: datetime) -> Iterator[MarketData]:
    at = sandbox.market_clock.market(now)
    for exchange in sandbox.exchanges.values():
        venue = exchange.settings.venue
        for rules in exchange.settings.symbols:
            is_perp = rules.market == "perp"
            price = sandbox.market.price(venue, rules.symbol, at)
            if price is not None:
                yield _quote(venue, rules.symbol, now, price, price if is_perp else None)
            funding = sandbox.market.funding(venue, rules.symbol, rules.funding_hours) if is_perp else None
            if funding is not None:
                yield _rate(venue, rules.symbol, "funding", now, funding.at(at))


def _of_chain(sandbox: Sandbox, chain: Chain, now: datetime) -> Iterator[MarketData]:
    market, at = sandbox.market, sandbox.market_clock.market(now)
    for reserve in chain.settings.aave:
        rates = market.rates(reserve.token)
        if rates is not None:
            supplied, borrowed = rates.at(at)
            yield _rate(LENDER, f"aToken:{reserve.token}", "rate", now, supplied)
            yield _rate(LENDER, f"debtToken:{reserve.token}", "rate", now, borrowed)
        price = market.worth(HOME, reserve.token, at)
        if price is not None and reserve.token not in STABLE:
            yield _quote(HOME, f"{UNDERLYING.get(reserve.token, reserve.token)}/USDT", now, price)
    yield _rate(chain.lane, chain.settings.native, "gas", now, market.gas_price(at))


def _quote(venue: str, symbol: str, now: datetime, price: Decimal, mark: Decimal | None = None) -> MarketData:
    return MarketData(
        venue=venue,
        symbol=symbol,
        kind="quote",
        event_time=now,
        observed_at=now,
        last=_rounded(price),
        mark=None if mark is None else _rounded(mark),
        produced_at=now,
    )


def _rate(venue: str, symbol: str, kind: str, now: datetime, rate: Decimal) -> MarketData:
    return MarketData(
        venue=venue,
        symbol=symbol,
        kind=kind,
        event_time=now,
        observed_at=now,
        rate=_rounded(rate),
        produced_at=now,
    )


def _rounded(figure: Decimal) -> Decimal:
    """To the places of a record."""
    return money.ratio(figure, Decimal(1))
