"""What the classes in process are configured with: the configuration file's structure, and a few keys of their own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from tightloop.assembly.config import Config, explained
from tightloop.errors import ExecutionError

MODES = ("backtest", "live")


class InProcessConfig(Config):
    """``initial_positions``: position key to amount, in units of the asset; None: the simulated venues' own opening
    balances. ``slippage_bps``: what a taker pays beyond the price at every simulated exchange; None: each one's own.
    """

    initial_positions: dict[str, Decimal] | None = None
    slippage_bps: Decimal | None = None


def configured(values: Mapping[str, Any]) -> InProcessConfig:
    """Raises ExecutionError EIF-010 for what is unknown, with the nearest key, or does not hold together."""
    try:
        config = InProcessConfig.model_validate(values)
    except ValidationError as error:
        raise ExecutionError("EIF-010", explained(error, InProcessConfig)) from error
    config.directory()
    config.dispatch_limits()
    return config


def check_mode(execution_mode: str) -> None:
    """Raises ExecutionError EIF-005 for an unknown mode."""
    if execution_mode not in MODES:
        raise ExecutionError("EIF-005", f"execution_mode {execution_mode!r} is neither backtest nor live")


def check_backtest(execution_mode: str, what: str) -> None:
    """Raises ExecutionError EIF-005 for an unknown mode, EIF-007 for ``live``, where ``what`` has none."""
    check_mode(execution_mode)
    if execution_mode == "live":
        raise ExecutionError(
            "EIF-007",
            f"{what} runs in a backtest, not live",
            remedy="Use the interface of one venue live, or run the components on Kafka.",
        )
