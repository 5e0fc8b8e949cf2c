"""The simulated venues behind one desk: lanes, faults, request log, durable books. Both faces use it: HTTP, in process.

State is the fold of the command log: :meth:`Sandbox.act` appends and applies, a start replays. Time comes from the
injected clock and never runs backwards. Reads open an account at its first touch (which is logged) and settle what
fell due (which leaves no trace of when it was done), and change nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import DecimalException
from pathlib import Path
from typing import Any

import msgspec

from tightloop.domain import money
from tightloop.handlers.calls import Arrived, DepositAddress, Ledger, OrderFound, Positions
from tightloop.venues.sim import commands as c
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.clock import ManualClock, MarketClock, wall_clock
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.faults import Faults, Strike
from tightloop.venues.sim.log import CommandLog, LogDamaged
from tightloop.venues.sim.market import Market
from tightloop.venues.sim.market_sources import load_market, synthetic_market
from tightloop.venues.sim.network import Network, deposit_address
from tightloop.venues.sim.requests import RequestLog
from tightloop.venues.sim.settings import SimSettings
from tightloop.venues.sim.trades import ExchangeAccount
from tightloop.venues.sim.transactions import Call, Simulated, wallet_address
from tightloop.venues.sim.views import OrderView, order_views
from tightloop.venues.sim.withdrawals import network_rules

PAGE = 1000  # ledger entries an answer holds at most
_NOT_LATE = timedelta(0)
_FALLING_DUE = (c.Deposit, c.GiveBack)
_WITHOUT_ACCOUNT = (c.OpenAccount, c.AdvanceMarket, c.ChangeChain)


class Sandbox:
    """All simulated venues. Methods raise VenueError when the venue refuses. ``market`` None: the settings' own."""

    def __init__(
        self, settings: SimSettings, clock: Callable[[], datetime] | None = None, market: Market | None = None
    ) -> None:
        self.settings = settings
        self.faults = Faults()
        self.requests = RequestLog()
        self.skew = timedelta(0)
        self.manual = ManualClock(settings.market_origin or wall_clock()) if settings.clock == "manual" else None
        self._clock = clock or self.manual or wall_clock
        self._log = None if settings.data_dir is None else CommandLog(Path(settings.data_dir) / "books.jsonl")
        self.market = market = market or _market(settings)
        self.market_origin = self._market_origin()
        self._now = self.market_origin
        self.market_clock = MarketClock(market.start, self.market_origin)
        self.network = Network()
        self.exchanges = {
            one.lane: Exchange(one, market, self.market_clock, self.network) for one in settings.exchanges
        }
        step = timedelta(seconds=settings.interest_step_s)
        self.chains = {
            one.lane: Chain(one, market, self.market_clock, step, self.market_origin, self.network)
            for one in settings.chains
        }
        self.lanes: dict[str, Exchange | Chain] = {**self.exchanges, **self.chains}
        if self._log is not None:
            with money.exact():
                for logged in self._log.replay():
                    self._replay(logged)
        self._deferred: list[tuple[datetime, str, c.Acting, datetime, Strike]] = []

    def _market_origin(self) -> datetime:
        """From the head of the log when there is one; it and the settings must then agree."""
        origin = self.settings.market_origin or self._clock()
        if origin.tzinfo is None:
            raise ValueError(f"the market origin {origin.isoformat()} needs a time zone, such as +00:00")
        if self._log is None:
            return origin
        head = self._log.head()
        now = {"format": 1, "market_origin": origin, "settings": _fold_settings(self.settings)}
        if head is None:
            self._log.start(now)
            return origin
        kept = datetime.fromisoformat(head["market_origin"])
        current = msgspec.json.decode(msgspec.json.encode(now))
        differing = [key for key, value in current["settings"].items() if head["settings"].get(key) != value]
        if self.settings.market_origin is not None and kept != origin:
            differing.append("market_origin")
        if differing:
            names = ", ".join(differing)
            raise LogDamaged(f"the books in {self.settings.data_dir} were kept with other settings: {names}")
        return kept

    # --- time -----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The venues' time: the clock's, plus the injected skew, never backwards."""
        now = self._clock() + self.skew
        if now > self._now:
            self._now = now
        return self._now

    # --- what changes the books -----------------------------------------------------------------------------------

    def act(
        self,
        lane: str,
        command: c.Command,
        arrived: datetime,
        strike: Strike | None = None,
        late: timedelta = _NOT_LATE,
    ) -> OrderFound | None:
        """Log a command and apply it. ``late``: judge its signed time as if it had come so much later. Raises
        VenueError when the venue refuses it.
        """
        effect, fault = (None, None) if strike is None else (strike.effect, strike.name)
        late_us = late // timedelta(microseconds=1) if late else 0
        with money.exact():
            if not isinstance(command, _WITHOUT_ACCOUNT):
                self._account(lane, command.account)
                if not isinstance(command, _FALLING_DUE):
                    self._fall_due(lane, command.account)
            logged = c.Logged(self.now(), arrived, lane, command, effect, fault, late_us=late_us)
            if self._log is not None:
                self._log.append(logged)
            return self._apply(logged)

    def drop(self, lane: str, command: c.Acting, arrived: datetime, strike: Strike) -> None:
        """Note a request that a fault kept from the engine."""
        logged = c.Logged(self.now(), arrived, lane, command, fault=strike.name, dropped=strike.drop)
        if self._log is not None:
            self._log.append(logged)
        self.requests.dropped(logged)

    def flush(self) -> None:
        """Make what was done durable. Nothing may be told to anyone before."""
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _replay(self, logged: c.Logged) -> None:
        self._now = max(self._now, logged.at)
        if logged.dropped is not None:
            self.requests.dropped(logged)
            return
        with suppress(VenueError):  # refused when it came, refused again: the request log has it both times
            self._apply(logged)

    def _apply(self, logged: c.Logged) -> OrderFound | None:
        command, lane = logged.command, self.lanes.get(logged.lane)
        if isinstance(command, c.AdvanceMarket):
            self._advance(timedelta(microseconds=command.microseconds), logged.at)
            return None
        if lane is None:
            raise VenueError("bad_request", f"no lane {logged.lane}; there are {', '.join(self.lanes)}")
        if isinstance(command, c.OpenAccount):
            if command.account in lane.accounts:
                raise VenueError("bad_request", f"{lane.lane} has an account {command.account} already")
            lane.open(command.account, command.opening, logged.at)
            return None
        if isinstance(command, c.ChangeChain):
            self.chain(lane.lane).change(command, logged.at)
            return None
        if isinstance(command, c.ACTING):
            return self._perform(lane, command, logged)
        account: Any = lane.accounts[command.account]
        lane.settle(account, logged.at)
        if isinstance(command, c.Drift):
            lane.drift(account, command.position_key, command.amount, logged.at)
            return None
        if isinstance(command, c.Deposit):
            account.deposit(command.position_key, command.amount, command.reference, logged.at)
            self.network.forget(self.lanes, logged.lane, command)
            return None
        if isinstance(lane, Exchange) and isinstance(command, c.GiveBack):
            lane.transfers.give_back(account, command.client_order_id, logged.at)
            return None
        if isinstance(lane, Exchange) and isinstance(command, c.SetFees | c.SetPositionMode):
            lane.set_up(account, command)
            return None
        if isinstance(lane, Exchange) and isinstance(command, c.FillWorking):
            return lane.fill(account, command, logged.at)
        if isinstance(lane, Chain) and isinstance(command, c.Liquidate):
            lane.liquidate(account, command.position_key, logged.at)
            return None
        wanted = "such orders" if isinstance(lane, Chain) else "debts"
        raise VenueError("bad_request", f"{lane.lane} has no {wanted}")

    def _perform(self, lane: Exchange | Chain, command: c.Acting, logged: c.Logged) -> OrderFound:
        """One request that acts, and its line in the request log, whatever comes of it."""
        account: Any = lane.accounts[command.account]
        lane.settle(account, logged.at)
        before = account.sequence
        late = timedelta(microseconds=logged.late_us) if logged.late_us else _NOT_LATE
        try:
            if isinstance(lane, Exchange) and isinstance(command, c.PlaceOrder):
                found = lane.place(account, command, logged.at, late, logged.effect)
            elif isinstance(lane, Exchange) and isinstance(command, c.CancelWorking):
                found = lane.cancel(account, command.client_order_id, command.timestamp, logged.at, late)
            elif isinstance(lane, Exchange) and isinstance(command, c.ChangeWorking):
                found = lane.change(account, command, logged.at, late)
            elif isinstance(lane, Exchange) and isinstance(command, c.MoveFunds):
                found = lane.transfer(account, command, logged.at, late, logged.effect)
            elif isinstance(lane, Chain) and isinstance(command, c.Broadcast):
                found = lane.broadcast(account, command, logged.at, logged.effect)
            else:
                raise VenueError("operation_not_supported", f"{lane.lane} has no such operation")
        except VenueError as refusal:
            self.requests.refused(logged, refusal)
            raise
        except DecimalException as error:  # NaN, infinities: raised by the first check that compares them
            invalid = VenueError("invalid_order", f"an amount or a price is no number: {error}")
            self.requests.refused(logged, invalid)
            raise invalid from error
        self.requests.acted(logged, found, account.ledger[before:])
        return found

    def _advance(self, by: timedelta, now: datetime) -> None:
        for lane in self.lanes.values():
            self._settle_all(lane, now)
        self.market_clock.advance(by, now)

    @staticmethod
    def _settle_all(lane: Any, now: datetime) -> None:
        for account in lane.accounts.values():
            lane.settle(account, now)

    # --- what only looks ------------------------------------------------------------------------------------------

    def _account(self, lane: str, name: str) -> Any:
        """The account, opened at its first touch."""
        venue = self.lanes.get(lane)
        if venue is None:
            raise VenueError("bad_request", f"no lane {lane}; there are {', '.join(self.lanes)}")
        account = venue.accounts.get(name)
        if account is None:
            logged = c.Logged(self.now(), self._now, lane, c.OpenAccount(account=name))
            if self._log is not None:
                self._log.append(logged)
            self._apply(logged)
            account = venue.accounts[name]
        return account

    def _settled(self, lane: str, name: str) -> tuple[Any, Any, datetime]:
        if self._deferred:
            self.catch_up()
        account: Any = self._account(lane, name)
        self._fall_due(lane, name)
        now = self.now()
        venue: Any = self.lanes[lane]
        venue.settle(account, now)
        return venue, account, now

    def _fall_due(self, lane: str, name: str) -> None:
        """Credit what has come, and give back what could not be sent: commands of the log, as a touch's opening is."""
        now, venue = self.now(), self.lanes[lane]
        due: list[c.Deposit | c.GiveBack] = list(self.network.due(self.lanes, lane, name, now))
        if isinstance(venue, Exchange):
            due += [c.GiveBack(account=name, client_order_id=one) for one in venue.transfers.failed(name, now)]
        for command in due:
            self.act(lane, command, now)

    def find_transfer(self, lane: str, name: str, client_order_id: str) -> OrderFound:
        with money.exact():
            venue, account, now = self._settled(lane, name)
            found: OrderFound = venue.transfers.find(account, client_order_id, now)
            return found

    def deposit_address(self, lane: str, name: str, asset: str, network: str | None) -> DepositAddress:
        """Raises VenueError for what does not arrive there."""
        venue = self.lanes[lane]
        if isinstance(venue, Exchange):
            rules = network_rules(venue.settings, asset, network)
            return DepositAddress(deposit_address(lane, name), rules.network, rules.least_deposit)
        if network not in (None, lane):
            raise VenueError("operation_not_supported", f"{lane} is reached on no network {network!r}, but on {lane!r}")
        if asset not in venue.settings.decimals:
            raise VenueError("operation_not_supported", f"{lane} has no token {asset}")
        return DepositAddress(wallet_address(name), lane)

    def find(self, lane: str, name: str, named: str | Sequence[str]) -> OrderFound:
        """``named``: the order's client order id; on a chain the hashes of all that may have been sent."""
        with money.exact():
            venue, account, now = self._settled(lane, name)
            found: OrderFound = venue.find(account, named, now)
            return found

    def ledger(self, lane: str, name: str, after: int, limit: int = PAGE) -> Ledger:
        with money.exact():
            _, account, now = self._settled(lane, name)
            ledger: Ledger = account.read_ledger(after, limit, now)
            return ledger

    def arrival(self, lane: str, name: str, reference: str) -> Arrived:
        """The deposit of that reference. Raises VenueError when there was none."""
        with money.exact():
            _, account, now = self._settled(lane, name)
            return Arrived(account.deposited(reference), now)

    def positions(self, lane: str, name: str) -> Positions:
        with money.exact():
            venue, account, now = self._settled(lane, name)
            positions: Positions = account.read_positions(now, venue.block_number)
            return positions

    def simulate(self, lane: str, name: str, call: Call) -> Simulated:
        with money.exact():
            _, account, now = self._settled(lane, name)
            try:
                return self.chain(lane).simulate(account, call, now)
            except DecimalException as error:
                raise VenueError("invalid_order", f"an amount is no number: {error}") from error

    def chain(self, lane: str) -> Chain:
        chain = self.chains.get(lane)
        if chain is None:
            raise VenueError("bad_request", f"{lane} is no chain; there are {', '.join(self.chains)}")
        return chain

    def settle_everything(self) -> datetime:
        """Bring every account up to now, before all books are read; that time."""
        self.catch_up()
        now = self.now()
        with money.exact():
            for lane in self.lanes.values():
                self._settle_all(lane, now)
        return now

    def open_orders(self, lane: str, name: str) -> list[OrderView]:
        with money.exact():
            account = self._settled(lane, name)[1]
        if not isinstance(account, ExchangeAccount):
            raise VenueError("operation_not_supported", f"{lane} has no orders")
        return order_views(account, working_only=True)

    # --- requests that act later than they came (in process only; the server simply waits) ------------------------

    def defer(self, due: datetime, lane: str, command: c.Acting, arrived: datetime, strike: Strike) -> None:
        self._deferred.append((due, lane, command, arrived, strike))
        self._deferred.sort(key=lambda item: item[0])

    def catch_up(self) -> None:
        """Let deferred requests act whose time has come; nobody waits for their answers."""
        while self._deferred and self._deferred[0][0] <= self.now():
            _, lane, command, arrived, strike = self._deferred.pop(0)
            with suppress(VenueError):  # nobody waits for it; the request log has it
                self.act(lane, command, arrived, strike)


def _market(settings: SimSettings) -> Market:
    folder, seed = settings.market_dir, settings.seed
    return synthetic_market(seed) if folder is None else load_market(Path(folder), seed)


def _fold_settings(settings: SimSettings) -> dict[str, Any]:
    """The settings that decide what the books become."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return {key: value for key, value in values.items() if key not in ("host", "port", "data_dir", "market_origin")}
