"""An order is rounded by what the exchange lists, towards the safe side, and the rest is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.venue_intents import trade

from tightloop.domain import money
from tightloop.handlers.calls import Prepared, Refused
from tightloop.records.types import PreparedOrder
from tightloop.venues.live.listing import rules_of
from tightloop.venues.live.preparing import prepare
from tightloop.venues.sim.settings import SymbolRules

D = Decimal
NOW = datetime(2026, 1, 5, tzinfo=UTC)
LIMITS = {"amount": {"min": "0.00001", "max": "9000"}, "cost": {"min": "5", "max": None}, "market": {"max": "120"}}
SPOT = {
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": None,
    "spot": True,
    "swap": False,
    "linear": None,
    "active": True,
    "contractSize": None,
    "precision": {"amount": "0.00001000", "price": "0.01000000"},
    "limits": LIMITS,
}
SWAP = SPOT | {
    "symbol": "BTC/USDT:USDT",
    "settle": "USDT",
    "spot": False,
    "swap": True,
    "linear": True,
    "contractSize": "0.01",
    "precision": {"amount": "1", "price": "0.1"},
    "limits": {"amount": {"min": "1", "max": None}, "cost": {"min": None, "max": None}},
}


def prepared(**fields: Any) -> Prepared | Refused:
    async def rules(market: str, symbol: str) -> SymbolRules | None:
        return rules_of(SPOT if market == "spot" else SWAP, "spot" if market == "spot" else "perp")

    async def market_price(market: str, symbol: str) -> Decimal:
        return D(42_000)

    async def work() -> Prepared | Refused:
        with money.exact():
            return await prepare(trade("s", "a", NOW, **fields), rules, market_price)

    return asyncio.run(work())


def order(**fields: Any) -> PreparedOrder:
    found = prepared(**fields)
    assert isinstance(found, Prepared), found
    assert isinstance(found.what, PreparedOrder)
    return found.what


def test_amounts_are_rounded_down_and_the_rest_is_told() -> None:
    found = order(amount=D("0.123456789"))
    assert (found.amount, found.rounded_off) == (D("0.12345"), D("0.000006789"))


@pytest.mark.parametrize(("side", "limit"), [("buy", "41999.99"), ("sell", "42000.00")])
def test_limits_are_rounded_to_the_traders_side(side: str, limit: str) -> None:
    assert order(side=side, order_type="limit", price=D("41999.999")).price == D(limit)


def test_contracts_are_base_units_here() -> None:
    perpetual = {"market": "perp", "symbol": "BTC/USDT:USDT"}
    found = order(amount=D("0.057"), **perpetual)
    assert (found.amount, found.rounded_off) == (D("0.05"), D("0.007"))
    refused = prepared(amount=D("0.009"), **perpetual)
    assert isinstance(refused, Refused) and refused.code == "EXI-007"


@pytest.mark.parametrize(
    ("side", "reference", "bound"),
    [("buy", None, "42210"), ("sell", None, "41790"), ("buy", D("40000.005"), "40200.00")],
)
def test_a_slippage_bound_is_the_price_of_an_ioc_limit(side: str, reference: Decimal | None, bound: str) -> None:
    found = order(side=side, max_slippage_bps=D(50), reference_price=reference)
    assert (found.order_type, found.time_in_force, found.price) == ("limit", "IOC", D(bound))
    assert found.reference_price == (reference or D(42000))


def test_an_amount_in_quote_becomes_base_units_where_the_exchange_takes_no_other() -> None:
    assert order(quote_amount=D(1000)).quote_amount == D(1000), "a spot market order may be given in quote"
    bounded = order(quote_amount=D(1000), max_slippage_bps=D(50))
    assert (bounded.amount, bounded.quote_amount) == (D("0.02369"), None)
    sold = order(side="sell", quote_amount=D(1000), max_slippage_bps=D(500))
    assert sold.amount == D("0.02380"), "what is sold comes to the quote amount at the reference, and not to 5 % more"
    perpetual = order(market="perp", symbol="BTC/USDT:USDT", quote_amount=D(1000))
    assert (perpetual.amount, perpetual.quote_amount) == (D("0.02"), None)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": D("0.000001")},
        {"amount": D("0.0001"), "order_type": "limit", "price": D(40_000)},
        {"amount": D("0.0001"), "max_slippage_bps": D(1)},
        {"amount": D("121")},
        {"amount": D("9001"), "order_type": "limit", "price": D(40_000)},
        {"quote_amount": D(10), "market": "perp", "symbol": "BTC/USDT:USDT"},
        {"reduce_only": True},
        {"order_type": "limit"},
    ],
)
def test_what_the_exchange_would_refuse_is_refused_before_it_is_journalled(fields: dict[str, Any]) -> None:
    refused = prepared(**fields)
    assert isinstance(refused, Refused), refused
    assert refused.code == "EXI-007"


def test_a_market_that_is_not_traded_now_has_no_rules() -> None:
    assert rules_of(SPOT | {"active": False}, "spot") is None
    assert rules_of(SPOT, "perp") is None
    assert rules_of(SWAP | {"linear": False}, "perp") is None
    with pytest.raises(ValueError, match="without a step"):
        rules_of(SPOT | {"precision": {"amount": None, "price": "0.01"}}, "spot")
