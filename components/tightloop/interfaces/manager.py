"""``ExecutionInterfaceManager``: one instruction after another, executed, applied and reconciled in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tightloop.client.blocks import instruction_from
from tightloop.domain.instants import utc
from tightloop.errors import ExecutionError
from tightloop.interfaces.factory import interfaces_of, loops_of
from tightloop.interfaces.groups import as_one, check_alone, legs_of
from tightloop.interfaces.interface import (
    STRATEGY,
    CEXExecutionInterface,
    DEXExecutionInterface,
    OnChainExecutionInterface,
    TransferExecutionInterface,
    carried_by,
    live_loops,
    own_id,
)
from tightloop.interfaces.loops import as_data
from tightloop.interfaces.prices import DataProvider
from tightloop.interfaces.settings import InProcessConfig, check_mode, configured
from tightloop.records.types import Instruction


class ExecutionInterfaceManager:
    """Executes instructions in process, by the same handlers as the components on Kafka.

    ``config``: a mapping of the configuration file's structure; ``{}`` is valid. Further keys: ``initial_positions``
    (position key to amount, in units of the asset), ``slippage_bps``, ``fees`` (exchange to rates).
    ``data_provider``: anything with ``get_market_data(timestamp)``; None: in a backtest the prices that the
    instructions carry themselves, and live none to measure limits by. ``execution_mode``: ``backtest``, or ``live`` at
    the lanes that ``config`` says, with a ``journal``: a local file of this process's own. Raises ExecutionError
    EIF-005, EIF-007, EIF-010, and live as an interface does.

    >>> from datetime import datetime, timezone
    >>> manager = ExecutionInterfaceManager({}, None, "backtest")
    >>> result = manager.route_instruction(
    ...     datetime(2024, 5, 12, tzinfo=timezone.utc),
    ...     {
    ...         "type": "cex_trade",
    ...         "venue": "binance",
    ...         "symbol": "BTC/USDT",
    ...         "side": "buy",
    ...         "amount": 0.01,
    ...         "order_type": "market",
    ...         "reference_price": 60000,
    ...     },
    ... )
    >>> result["success"], result["outcome"], result["execution_deltas"]["binance:BaseToken:USDT"]
    (True, 'filled', Decimal('-600.06'))
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        data_provider: DataProvider | None = None,
        execution_mode: str = "backtest",
        *,
        journal: Path | str | None = None,
    ) -> None:
        self.config: InProcessConfig = configured(config or {})
        check_mode(execution_mode)
        self.execution_mode = execution_mode
        self._loops = loops_of(self.config, execution_mode, data_provider, journal)
        interfaces = interfaces_of(self.config, execution_mode, self._loops)
        self.cex_execution_interfaces: dict[str, CEXExecutionInterface] = interfaces["cex"]
        self.dex_execution_interfaces: dict[str, DEXExecutionInterface] = interfaces["dex"]
        self.onchain_execution_interfaces: dict[str, OnChainExecutionInterface] = interfaces["onchain"]
        self.transfer_execution_interfaces: dict[str, TransferExecutionInterface] = interfaces["transfer"]
        self.current_instruction: Instruction | None = None
        self.routing_history: list[dict[str, Any]] = []
        self.instructions_routed = 0
        self.instructions_failed = 0

    def adopt(self, position_version: int, reason: str, strategy_id: str = STRATEGY) -> None:
        """Live: trade on what the account held when it was taken over (EIM-014 says at which version).

        Raises ExecutionError EIF-007 in a backtest, EIM-014 for another version.
        """
        live_loops(self._loops, "adopt").adopt(strategy_id, position_version, reason)

    def close(self) -> None:
        """Live: let go of venues and journal. Raises ExecutionError EIF-007 in a backtest."""
        live_loops(self._loops, "close").close()

    def get_positions(self, timestamp: datetime, strategy_id: str = STRATEGY) -> dict[str, Decimal]:
        """What the venues hold for the strategy now, by position key: all of it.

        ``timestamp`` is for others that provide positions; these are those of the latest instruction's time.
        """
        return self._loops.held(strategy_id)

    def route_instruction(self, timestamp: datetime, instruction_block: Mapping[str, Any]) -> dict[str, Any]:
        """The whole execution of one instruction, until its positions are reconciled.

        ``timestamp`` (with a time zone; a ``pandas.Timestamp`` too) is when it was decided. One that was decided while
        the last one still ran waited for it, and may have expired meanwhile. ``instruction_block`` is the Instruction
        record as plain data, nested or flat.

        Returns ``success``, ``instruction_id``, ``strategy_id``, ``venue``, ``status``, ``outcome``, ``filled_amount``,
        ``fills``, ``execution_deltas`` (position key to Decimal), ``fees`` and ``error`` (code and message, or None).
        Raises ExecutionError (a ValueError) EIM-005, EIM-007 for a block that is no instruction, EIM-009 for an id used
        again with other content, EIM-018 for a leg of a group: :meth:`route_group` takes all of them.
        """
        at = utc(timestamp, "timestamp")
        if not isinstance(instruction_block, Mapping):
            kind = type(instruction_block).__name__  # type: ignore[unreachable]  # callers without types
            raise ExecutionError(
                "EIM-007", f"instruction_block: must be a mapping of an instruction's fields, not {kind}"
            )
        number = len(self.routing_history) + 1
        names = {"strategy_id": STRATEGY, "instruction_id": own_id(self, "instruction", number)}
        instruction = instruction_from({**names, **instruction_block}, now=at)
        check_alone(instruction)
        self.current_instruction = instruction
        try:
            found = as_data(self._loops.execute(instruction, at, carried_by(instruction)))
        finally:
            self.current_instruction = None
        self._note(at, found)
        return found

    def route_group(self, timestamp: datetime, instruction_blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The whole execution of a group: its legs one after another in this order, with nothing between them.

        ``instruction_blocks``: each as for :meth:`route_instruction`, 2 to 16 of one strategy. ``on_failure`` and
        ``scale_to_filled`` are a leg's own; ``group_id`` may be left out. After a leg that failed no other runs.

        Returns ``success`` (every leg was filled; with ``scale_to_filled`` the first may be filled in part),
        ``group_id``, ``strategy_id``, ``legs`` (for each what ``route_instruction`` returns), ``execution_deltas`` and
        ``fees`` (added up) and ``error``. Raises ExecutionError as :meth:`route_instruction`, and EIM-018 for blocks
        that are no group.

        >>> from datetime import datetime, timezone
        >>> manager = ExecutionInterfaceManager({}, None, "backtest")
        >>> spot = {"type": "cex_trade", "venue": "binance", "symbol": "BTC/USDT", "side": "buy", "amount": 0.5}
        >>> short = {**spot, "symbol": "BTC/USDT:USDT", "side": "sell", "scale_to_filled": True}
        >>> priced = [{**leg, "reference_price": 60000} for leg in (spot, short)]
        >>> basis = manager.route_group(datetime(2024, 5, 12, tzinfo=timezone.utc), priced)
        >>> basis["success"], basis["execution_deltas"]["binance:Perp:BTC/USDT:USDT"]
        (True, Decimal('-0.5'))
        """
        at = utc(timestamp, "timestamp")
        number = len(self.routing_history) + 1
        shared = {"strategy_id": STRATEGY, "group_id": own_id(self, "group", number)}
        names = [
            {**shared, "instruction_id": own_id(self, "instruction", number + n)}
            for n in range(len(instruction_blocks))
        ]
        legs = legs_of(instruction_blocks, names, at)
        prices = {symbol: price for leg in legs for symbol, price in carried_by(leg).items()}
        found = [as_data(one) for one in self._loops.execute_all(legs, at, prices)]
        for one in found:
            self._note(at, one)
        return as_one(str(legs[0].group_id), found, self._loops.halts(legs[0].strategy_id))

    def _note(self, at: datetime, found: dict[str, Any]) -> None:
        self.routing_history.append({"timestamp": at, **found})
        self.instructions_routed += 1
        self.instructions_failed += not found["success"]
