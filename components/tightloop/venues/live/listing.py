"""ccxt's unified description of a market as the rules that orders are rounded by. Contracts become base units."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from tightloop.domain import money
from tightloop.venues.sim.settings import SymbolRules


def rules_of(market: Mapping[str, Any], kind: Literal["spot", "perp"]) -> SymbolRules | None:
    """None: it is of another kind, or not traded now. Raises KeyError, ValueError for one that has no steps."""
    fits = market["spot"] if kind == "spot" else market["swap"] and market["linear"]
    if not fits or market.get("active") is False:
        return None
    limits, size = market["limits"], Decimal(market.get("contractSize") or 1)
    return SymbolRules(
        symbol=market["symbol"],
        market=kind,
        base=market["base"],
        quote=market["settle"] if kind == "perp" else market["quote"],
        tick=_figure(market["precision"], "price") or _missing(market, "price"),
        lot=(_figure(market["precision"], "amount") or _missing(market, "amount")) * size,
        contract=size,
        min_amount=(_figure(limits["amount"], "min") or Decimal(0)) * size,
        max_amount=_times(_figure(limits["amount"], "max"), size),
        max_market_amount=_times(_figure(limits.get("market") or {}, "max"), size),
        min_notional=_figure(limits["cost"], "min") or Decimal(0),
        max_notional=_figure(limits["cost"], "max"),
    )


def _figure(of: Mapping[str, Any], name: str) -> Decimal | None:
    text = of.get(name)
    return None if text is None or not Decimal(text) else money.tidy(Decimal(text))


def _times(amount: Decimal | None, size: Decimal) -> Decimal | None:
    return None if amount is None else amount * size


def _missing(market: Mapping[str, Any], what: str) -> Decimal:
    raise ValueError(f"{market['symbol']} is listed without a step of its {what}")
