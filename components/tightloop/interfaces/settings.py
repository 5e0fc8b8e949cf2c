"""What the classes in process are configured with: the configuration file's structure, and a few keys of their own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tightloop.assembly.config import Config, explained
from tightloop.domain.directory import Directory
from tightloop.domain.positions import parse_key
from tightloop.errors import ExecutionError

MODES = ("backtest", "live")
_MARKET_OF = {"Perp": "perp", "MarginBalance": "perp"}  # what an exchange trades that has positions of this type


Rate = Annotated[Decimal, Field(ge=Decimal("-0.01"), le=Decimal("0.1"), max_digits=20)]


class ExchangeFees(BaseModel):
    """What a simulated exchange takes, as shares; None: the rate of its lowest tier. Below zero: a rebate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spot_maker: Rate | None = None
    spot_taker: Rate | None = None
    perp_maker: Rate | None = None
    perp_taker: Rate | None = None


class InProcessConfig(Config):
    """``initial_positions``: position key to amount, in units of the asset; None: the simulated venues' own opening
    balances. ``slippage_bps``: what a taker pays beyond the price at every simulated exchange; None: each one's own.
    ``fees``: by exchange, where they are not those of its lowest tier.
    """

    initial_positions: dict[str, Decimal] | None = None
    slippage_bps: Decimal | None = None
    fees: dict[str, ExchangeFees] = Field(default_factory=dict)


def configured(values: Mapping[str, Any]) -> InProcessConfig:
    """Raises ExecutionError EIF-010 for what is unknown, with the nearest key, or does not hold together, and EIF-007
    for positions that their venue cannot have.
    """
    try:
        config = InProcessConfig.model_validate(values)
    except ValidationError as error:
        raise ExecutionError("EIF-010", explained(error, InProcessConfig)) from error
    directory = config.directory()
    config.dispatch_limits()
    for key in config.initial_positions or {}:
        _check_position(key, directory)
    for venue, fees in config.fees.items():
        _check_fees(venue, fees, directory)
    return config


def _check_fees(venue: str, fees: ExchangeFees, directory: Directory) -> None:
    spec = directory.venues.get(venue)
    if spec is None:
        raise ExecutionError("EIF-010", f"fees: {directory.venues.unknown(venue)}")
    for name in fees.model_fields_set:
        market = name.partition("_")[0]
        if market not in spec.markets:
            raise ExecutionError("EIF-007", f"fees.{venue}.{name}: {spec.name} has no {market} market")


def _check_position(key: str, directory: Directory) -> None:
    try:
        parts = parse_key(key)
        spec = directory.venues.find(parts.venue)
    except ExecutionError as error:
        raise ExecutionError("EIF-010", f"initial_positions: {key!r}: {error.message}") from error
    needed = _MARKET_OF.get(parts.kind)
    if spec.kind == "exchange" and needed is not None and needed not in spec.markets:
        has = ", ".join(spec.markets)
        raise ExecutionError("EIF-007", f"initial_positions: {key!r}: {spec.name} has no {needed} market, but {has}")


def check_mode(execution_mode: str) -> None:
    """Raises ExecutionError EIF-005 for an unknown mode."""
    if execution_mode not in MODES:
        raise ExecutionError("EIF-005", f"execution_mode {execution_mode!r} is neither backtest nor live")
