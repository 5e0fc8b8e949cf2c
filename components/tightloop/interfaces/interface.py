"""What executes at one venue, for a program of one's own: trades, actions on a chain, transfers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tightloop.client.blocks import instruction_from
from tightloop.domain.instants import utc
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.interfaces.groups import check_alone
from tightloop.interfaces.loops import BacktestLoops, Executed, as_data
from tightloop.interfaces.settings import InProcessConfig, check_mode, configured
from tightloop.records.types import Instruction
from tightloop.venues import registry
from tightloop.venues.credentials import Credentials, checked, checked_environment, from_environment

if TYPE_CHECKING:
    from tightloop.interfaces.live import LiveLoops

TIMESTAMP = "timestamp"  # the key of `market_data` that is a time and no symbol
STRATEGY = "strategy"  # whose instructions those are that name none
Block = Mapping[str, Any]


class ExecutionInterface(Protocol):
    """What a venue offers to a program of one's own, of whatever kind it is."""

    venue: str
    execution_mode: str

    def execute(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """The whole execution of one instruction; the result is that of ``route_instruction``."""


class Loops(Protocol):
    """What runs an instruction to its end: in a backtest, or live."""

    @property
    def now(self) -> datetime | None: ...

    def execute(self, instruction: Instruction, at: datetime, prices: Block) -> Executed: ...


class _Interface:
    """What all kinds share.

    ``environment``: whose credentials are meant. ``loops``: those of a manager that the interface is part of. Live
    alone: ``journal``, a local file of this process's own, without which nothing is sent; ``account``, what the account
    is called here; ``endpoint``, the URL of a test network or a stand-in; ``live_trading``, the switch without which
    nothing trades on ``prod``.
    """

    kinds: ClassVar[tuple[str, ...]]  # of venues that this interface is for
    types: ClassVar[tuple[str, ...]]  # of instructions that it executes

    def __init__(
        self,
        venue: str,
        credentials: Credentials | Block | None = None,
        execution_mode: str = "backtest",
        *,
        environment: str = "dev",
        loops: Loops | None = None,
        journal: Path | str | None = None,
        account: str = "main",
        endpoint: str | None = None,
        live_trading: bool = False,
    ) -> None:
        self.spec = self._spec_of(venue)
        self.venue = self.spec.name
        given = None if credentials is None else checked(self.spec, environment, credentials)
        check_mode(execution_mode)
        self.execution_mode = execution_mode
        if loops is not None:
            self._loops = loops
        elif execution_mode == "live":
            config = self._live_config(checked_environment(environment), account, endpoint, live_trading)
            self._loops = self._live(config, given or from_environment(self.spec, environment), journal)
        else:
            self._loops = BacktestLoops(configured({"lanes": self._lanes()}), None)
        self._number = 0

    def _live_config(self, environment: str, account: str, endpoint: str | None, live_trading: bool) -> InProcessConfig:
        lane = self.spec.default_lane
        return configured(
            {
                "environment": environment,
                "live_trading": live_trading,
                "lanes": {lane: {"simulated": False, "endpoint": endpoint}},
                "accounts": {account: {"strategy": STRATEGY, "lane": lane}},
            }
        )

    def _live(self, config: InProcessConfig, credentials: Credentials, journal: Path | str | None) -> LiveLoops:
        from tightloop.interfaces.live import LiveLoops  # loads what a backtest does not need

        home = config.directory().lanes[self.spec.default_lane].home
        given = {home: credentials} if self.spec.name == home else {}
        return LiveLoops(config, None if journal is None else Path(journal), given)

    def adopt(self, position_version: int, reason: str) -> None:
        """Live: trade on what the account held when it was taken over (EIM-014 says at which version).

        Raises ExecutionError EIF-007 in a backtest, EIM-014 for another version.
        """
        live_loops(self._loops, "adopt").adopt(STRATEGY, position_version, reason)

    def close(self) -> None:
        """Live: let go of the venue and the journal. Raises ExecutionError EIF-007 in a backtest."""
        live_loops(self._loops, "close").close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.venue!r}, {self.execution_mode!r})"

    def _lanes(self) -> tuple[str, ...]:
        """What it needs when it is part of no manager."""
        return (self.spec.default_lane,)

    def _spec_of(self, venue: str) -> VenueSpec:
        """Raises ExecutionError EIF-002 for a venue that is unknown, or of another kind."""
        spec = registry.known().venues.get(venue)
        if spec is None:
            raise ExecutionError("EIF-002", registry.known().venues.unknown(venue))
        if spec.kind not in self.kinds:
            raise ExecutionError("EIF-002", f"{spec.name} is a {spec.kind}: {type(self).__name__} is for {self.kinds}")
        return spec

    def execute(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """The whole execution of one instruction: by the simulated venue, or live by the real one.

        ``instruction``: the Instruction record as plain data, nested or flat; its ``venue`` may be left out.
        ``market_data``: prices or quotes by symbol, and ``timestamp``, which stands for now. Returns what
        ``ExecutionInterfaceManager.route_instruction`` returns. Raises ExecutionError EIM-005, EIM-007, EIM-009,
        EIM-018, and live EIM-014 when the account was taken over and waits for :meth:`adopt`;
        EIF-002 for another venue's instruction, EIF-007 for a type that this interface does not execute.
        """
        prices = dict(market_data or {})
        at = utc(prices.pop(TIMESTAMP, None) or instruction.get("created_at") or self._loops.now or _now(), TIMESTAMP)
        self._number += 1
        names = {"strategy_id": STRATEGY, "instruction_id": own_id(self, self.venue, self._number), "venue": self.venue}
        made = instruction_from({**names, **instruction}, now=at)
        if registry.known().venues.get(made.venue) is not self.spec:
            raise ExecutionError("EIF-002", f"the instruction is for {made.venue!r}: this is {self.venue}'s interface")
        if made.type not in self.types:
            raise ExecutionError("EIF-007", f"{type(self).__name__} executes {', '.join(self.types)}, not {made.type}")
        check_alone(made)
        return as_data(self._loops.execute(made, at, {**carried_by(made), **prices}))


class _InMode(Protocol):
    execution_mode: str


def own_id(whose: _InMode, name: str, number: int) -> str:
    """Of an instruction that has none. A journal knows those of earlier processes: live, no two are alike."""
    return f"{name}-{_now():%Y%m%dT%H%M%S.%f}-{number}" if whose.execution_mode == "live" else f"{name}-{number}"


def live_loops(loops: Loops, what: str) -> LiveLoops:
    """Raises ExecutionError EIF-007 for a backtest's."""
    from tightloop.interfaces.live import LiveLoops

    if not isinstance(loops, LiveLoops):
        raise ExecutionError("EIF-007", f"{what}: a backtest has nothing to {what}")
    return loops


def _now() -> datetime:
    return datetime.now(UTC)


def carried_by(instruction: Instruction) -> dict[str, Any]:
    """The prices that an instruction carries itself, by symbol."""
    trade = instruction.cex_trade
    price = None if trade is None else trade.reference_price or trade.price
    return {} if trade is None or price is None else {trade.symbol: price}


class CEXExecutionInterface(_Interface):
    """Trades on an exchange.

    >>> from datetime import datetime, timezone
    >>> binance = CEXExecutionInterface("binance", None, "backtest")
    >>> order = {"type": "cex_trade", "symbol": "ETH/USDT", "side": "buy", "amount": 2}
    >>> market = {"timestamp": datetime(2024, 5, 12, tzinfo=timezone.utc), "ETH/USDT": 3000}
    >>> fill = binance.execute_trade(order, market)
    >>> fill["outcome"], fill["execution_deltas"]["binance:BaseToken:USDT"]
    ('filled', Decimal('-6000.6'))
    """

    kinds = ("exchange",)
    types = ("cex_trade",)

    def execute_trade(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """See :meth:`execute`; ``type`` may be left out."""
        return self.execute({"type": "cex_trade", **instruction}, market_data)


class OnChainExecutionInterface(_Interface):
    """Actions at a protocol: one, or several in one transaction, all of them or none.

    >>> from datetime import datetime, timezone
    >>> aave = OnChainExecutionInterface("aave", None, "backtest")
    >>> supply = {"operation": "supply", "token_in": "WETH", "amount": 2}
    >>> market = {"timestamp": datetime(2024, 5, 12, tzinfo=timezone.utc), "ETH/USDT": 3000}
    >>> lent = aave.execute_action(supply, market)
    >>> lent["outcome"], lent["execution_deltas"]["wallet:BaseToken:WETH"]
    ('filled', Decimal('-2'))
    """

    kinds: ClassVar[tuple[str, ...]] = ("protocol", "wallet")
    types = ("smart_contract_action",)

    def execute_action(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """See :meth:`execute`; ``type`` may be left out."""
        return self.execute({"type": "smart_contract_action", **instruction}, market_data)


class DEXExecutionInterface(OnChainExecutionInterface):
    """Swaps at a decentralised exchange. Raises ExecutionError EIF-007 for a protocol that has none.

    >>> from datetime import datetime, timezone
    >>> curve = DEXExecutionInterface("curve", None, "backtest")
    >>> swap = {"token_in": "USDC", "token_out": "USDT", "amount": 1000}
    >>> got = curve.execute_trade(swap, {"timestamp": datetime(2024, 5, 12, tzinfo=timezone.utc)})
    >>> got["outcome"], got["execution_deltas"]["wallet:BaseToken:USDC"]
    ('filled', Decimal('-1000'))
    """

    kinds = ("protocol",)

    def _spec_of(self, venue: str) -> VenueSpec:
        spec = super()._spec_of(venue)
        if "swap" not in spec.operations:
            raise ExecutionError("EIF-007", f"{spec.name} has no swap: it offers {', '.join(spec.operations)}")
        return spec

    def execute_trade(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """A swap: ``token_in``, ``token_out``, ``amount``. See :meth:`execute`."""
        return self.execute_action({"operation": "swap", **instruction}, market_data)


class TransferExecutionInterface(_Interface):
    """Transfers out of a wallet, or an exchange, to wherever the strategy has an account, or to an address.

    >>> from datetime import datetime, timezone
    >>> binance = TransferExecutionInterface("binance", None, "backtest")
    >>> market = {"timestamp": datetime(2024, 5, 12, tzinfo=timezone.utc)}
    >>> moved = binance.execute_transfer({"destination": "wallet", "asset": "USDT", "amount": 1000}, market)
    >>> moved["outcome"], moved["execution_deltas"]["wallet:BaseToken:USDT"], moved["fees"]
    ('filled', Decimal('998'), {'binance:BaseToken:USDT': Decimal('2')})
    """

    kinds = ("exchange", "wallet")
    types = ("wallet_transfer",)

    def _lanes(self) -> tuple[str, ...]:
        """Those that a transfer may go to, too."""
        own = self.spec.default_lane
        others = {spec.default_lane for spec in registry.known().venues if spec.kind in self.kinds}
        return (own, *sorted(others - {own}))

    def execute_transfer(self, instruction: Block, market_data: Block | None = None) -> dict[str, Any]:
        """See :meth:`execute`; ``type`` and ``source`` (the venue, an exchange's spot wallet) may be left out."""
        return self.execute({"type": "wallet_transfer", "source": self.venue, **instruction}, market_data)
