"""``ExecutionInterfaceFactory``: interfaces by venue; whatever is wrong is refused before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tightloop.interfaces.interface import (
    CEXExecutionInterface,
    DEXExecutionInterface,
    Loops,
    OnChainExecutionInterface,
    TransferExecutionInterface,
)
from tightloop.interfaces.loops import BacktestLoops
from tightloop.interfaces.settings import InProcessConfig, check_mode, configured
from tightloop.venues import registry
from tightloop.venues.credentials import Credentials
from tightloop.venues.plugin import VenuePlugin

if TYPE_CHECKING:
    from tightloop.interfaces.live import LiveLoops
    from tightloop.interfaces.prices import DataProvider

Given = Credentials | Mapping[str, Any] | None
Interfaces = dict[str, dict[str, Any]]


class ExecutionInterfaceFactory:
    """Each method raises ExecutionError EIF-002 for a venue that is unknown or of another kind, EIF-003, EIF-006 and
    EIF-008 for credentials that can't be, EIF-005 for an unknown mode, EIF-007 for what the venue does not offer, and
    live EIF-008 and EIF-010 for what does not belong together, EIF-013 without a journal, or on ``prod`` without the
    switch. In ``backtest`` no credentials are needed. ``live``: what the interfaces take for live trading alone, by
    name: ``environment``, ``journal``, ``account``, ``endpoint``, ``live_trading``.

    >>> ExecutionInterfaceFactory.create_cex_interface("okx", None, "backtest")
    CEXExecutionInterface('okx', 'backtest')
    >>> ExecutionInterfaceFactory.create_cex_interface("binnance")
    Traceback (most recent call last):
    tightloop.errors.ExecutionError: EIF-002 venue validation failed: unknown venue 'binnance': did you mean 'binance'?
    """

    @staticmethod
    def create_cex_interface(
        venue: str, credentials: Given = None, execution_mode: str = "backtest", **live: Any
    ) -> CEXExecutionInterface:
        return CEXExecutionInterface(venue, credentials, execution_mode, **live)

    @staticmethod
    def create_dex_interface(
        venue: str, credentials: Given = None, execution_mode: str = "backtest", **live: Any
    ) -> DEXExecutionInterface:
        return DEXExecutionInterface(venue, credentials, execution_mode, **live)

    @staticmethod
    def create_onchain_interface(
        venue: str, credentials: Given = None, execution_mode: str = "backtest", **live: Any
    ) -> OnChainExecutionInterface:
        return OnChainExecutionInterface(venue, credentials, execution_mode, **live)

    @staticmethod
    def create_transfer_interface(
        venue: str, credentials: Given = None, execution_mode: str = "backtest", **live: Any
    ) -> TransferExecutionInterface:
        return TransferExecutionInterface(venue, credentials, execution_mode, **live)

    @staticmethod
    def create_all_interfaces(
        config: Mapping[str, Any], execution_mode: str = "backtest", *, journal: Path | str | None = None
    ) -> Interfaces:
        """By kind (``cex``, ``dex``, ``onchain``, ``transfer``) and venue: those of every lane that is configured.

        They share their venues: what one of them does, the others see; live, the ``journal`` too. Closing one of them
        closes all.
        """
        check_mode(execution_mode)
        found = configured(config)
        return interfaces_of(found, execution_mode, loops_of(found, execution_mode, None, journal))

    @staticmethod
    def register(plugin: VenuePlugin) -> None:
        """A venue of one's own, for what is built from now on. Raises ExecutionError EIF-009."""
        registry.register(plugin)


def loops_of(
    config: InProcessConfig, execution_mode: str, provider: DataProvider | None, journal: Path | str | None
) -> BacktestLoops | LiveLoops:
    """What runs the instructions of all interfaces of ``config``. Raises ExecutionError as both."""
    if execution_mode == "backtest":
        return BacktestLoops(config, provider)
    from tightloop.interfaces.live import LiveLoops  # loads what a backtest does not need

    return LiveLoops(config, None if journal is None else Path(journal), provider=provider)


def interfaces_of(config: InProcessConfig, execution_mode: str, loops: Loops) -> Interfaces:
    """Those of every lane of ``config``, on the same loops."""
    specs = [spec for spec in registry.known().venues if config.directory().lanes_of(spec.name)]
    shared = {"environment": config.environment, "loops": loops}
    makers: dict[str, tuple[type[Any], list[str]]] = {
        "cex": (CEXExecutionInterface, [spec.name for spec in specs if spec.kind == "exchange"]),
        "dex": (DEXExecutionInterface, [spec.name for spec in specs if "swap" in spec.operations]),
        "onchain": (OnChainExecutionInterface, [spec.name for spec in specs if spec.kind != "exchange"]),
        "transfer": (TransferExecutionInterface, [spec.name for spec in specs if spec.kind != "protocol"]),
    }
    return {
        kind: {name: make(name, None, execution_mode, **shared) for name in names}
        for kind, (make, names) in makers.items()
    }
