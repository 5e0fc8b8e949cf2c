"""The section ``limits`` of the configuration, and the :class:`~tightloop.handlers.manager.limits.scopes.Limits` made
of it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tightloop.domain.venues import Venues
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.limits import scopes

Amount = Annotated[Decimal, Field(ge=0, lt=Decimal(10) ** 30, allow_inf_nan=False)]
Names = tuple[str, ...]
_SYMBOL = re.compile(r"[A-Za-z0-9.]{1,20}/[A-Za-z0-9.]{1,20}(:[A-Za-z0-9.]{1,20})?")
_BY_NAME = ("strategies", "accounts", "venues")
_SETS = ("symbols", "protocols", "contracts", "destinations")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Rate(_Section):
    """At most ``orders`` within any ``seconds``."""

    orders: Annotated[int, Field(ge=0, le=scopes.MOST_ORDERS)]
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Bounds(_Section):
    """``docs/limits.md`` says what each of them measures, and in which unit. What is left out is no limit."""

    order_notional: Amount | None = None
    open_notional: Amount | None = None
    daily_notional: Amount | None = None
    order_rate: Rate | None = None
    position: dict[str, Amount] | None = None
    price_collar_bps: Amount | None = None
    max_fee: Amount | None = None
    symbols: Names | None = None
    protocols: Names | None = None
    contracts: Names | None = None
    destinations: Names | None = None


class LimitsSection(_Section):
    """``default``: each strategy's, bound by bound, unless its own section says otherwise; those of ``accounts`` and
    ``venues`` come on top. ``price_max_age``: seconds.
    """

    currency: str = "USDT"
    at_par: Names = ("USDT", "USDC", "DAI")
    price_max_age: Annotated[float, Field(gt=0, le=7 * 86_400, allow_inf_nan=False)] = 60.0
    default: Bounds | None = None
    strategies: dict[str, Bounds] = {}
    accounts: dict[str, Bounds] = {}
    venues: dict[str, Bounds] = {}


def limits_of(section: LimitsSection | None, venues: Venues) -> scopes.Limits | None:
    """``None``: there are none. Raises ExecutionError EIF-010 for a venue or a symbol that cannot be."""
    if section is None:
        return None
    named = {f"strategies.{name}": one for name, one in section.strategies.items()}
    named |= {f"accounts.{name}": one for name, one in section.accounts.items()}
    named |= {f"venues.{name}": one for name, one in section.venues.items()}
    for name, bounds in {"default": section.default, **named}.items():
        _check(f"limits.{name}", bounds or Bounds(), venues)
    return scopes.Limits(
        currency=section.currency,
        at_par=frozenset(section.at_par),
        price_max_age_s=section.price_max_age,
        default=_bounds(section.default or Bounds(), venues),
        strategies={name: _bounds(one, venues) for name, one in section.strategies.items()},
        accounts={name: _bounds(one, venues) for name, one in section.accounts.items()},
        venues=_by_own_name(section.venues, venues),
    )


def _by_own_name(sections: dict[str, Bounds], venues: Venues) -> dict[str, scopes.Bounds]:
    """Raises ExecutionError EIF-010 for a venue that has two sections, one by an alias: one would be lost."""
    found: dict[str, scopes.Bounds] = {}
    for name, one in sections.items():
        own = _venue(f"limits.venues.{name}", name, venues)
        if own in found:
            both = [other for other in sections if venues.same(other, own)]
            raise ExecutionError("EIF-010", f"limits.venues: {' and '.join(both)} are one venue, {own}; write it once")
        found[own] = _bounds(one, venues)
    return found


def limit_path(parts: list[str]) -> list[str]:
    """Of a variable's name: what names a strategy, an account or a position stays as it is written."""
    lower = [part.lower() for part in parts]
    named = {number + 1 for number, part in enumerate(lower) if part in (*_BY_NAME, "position")}
    return [part if number in named else lower[number] for number, part in enumerate(parts)]


def is_set(parts: list[str]) -> bool:
    """Is a variable of this path a list of names?"""
    return parts[0] == "limits" and parts[-1] in (*_SETS, "at_par")


def _check(place: str, bounds: Bounds, venues: Venues) -> None:
    for symbol in bounds.symbols or ():
        if not _SYMBOL.fullmatch(symbol):
            raise ExecutionError(
                "EIF-010", f"{place}.symbols: {symbol!r} is no symbol, such as BTC/USDT or BTC/USDT:USDT"
            )
    for protocol in bounds.protocols or ():
        name = _venue(f"{place}.protocols", protocol, venues)
        if venues.find(name).kind != "protocol":
            raise ExecutionError(
                "EIF-010", f"{place}.protocols: {protocol} is no protocol but of kind {venues.find(name).kind}"
            )


def _venue(place: str, name: str, venues: Venues) -> str:
    spec = venues.get(name)
    if spec is None:
        raise ExecutionError("EIF-010", f"{place}: {venues.unknown(name)}")
    return spec.name


def _bounds(section: Bounds, venues: Venues) -> scopes.Bounds:
    given = {name: getattr(section, name) for name in Bounds.model_fields}
    rate = section.order_rate
    sets = {name: frozenset(given[name]) for name in _SETS if given[name] is not None}
    if section.protocols is not None:
        specs = [venues.find(name) for name in section.protocols]
        sets["protocols"] = frozenset(name for spec in specs for name in (spec.name, *spec.aliases))
    return scopes.Bounds(
        **{**given, **sets, "order_rate": scopes.OrderRate(rate.orders, rate.seconds) if rate else None}
    )
