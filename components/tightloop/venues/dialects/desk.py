"""What a dialect asks of the engine, and the faults its requests meet on the way: the same for every exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Acting, SetFees, SetPositionMode
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.faults import Operation, Strike, refusal_of
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.trades import ExchangeAccount

T = TypeVar("T")
Check = Callable[[datetime, timedelta], None]  # of a signed time: now, and how much later it is judged


class Unheard(Exception):
    """An injected fault: the connection is closed instead of an answer."""


class Desk:
    """One exchange of a sandbox."""

    def __init__(self, sandbox: Sandbox, lane: str) -> None:
        self.sandbox = sandbox
        self.lane = lane

    @property
    def exchange(self) -> Exchange:
        return self.sandbox.exchanges[self.lane]

    def now(self) -> datetime:
        return self.sandbox.now()

    def admit(self) -> None:
        """Of every request, public ones too. Raises VenueError while a ban is at work."""
        banned = self.sandbox.faults.banned(self.lane, self.now())
        if banned is not None:
            raise banned

    def account(self, name: str) -> ExchangeAccount:
        """Opened at its first touch, with everything done that fell due by now."""
        self.sandbox.open_orders(self.lane, name)
        return self.exchange.accounts[name]

    async def act(self, operation: Operation, command: Acting, check: Check) -> None:
        """Do it once, durably, or not at all. Raises VenueError, what ``check`` raises, and Unheard."""
        sandbox = self.sandbox
        arrived = sandbox.now()
        strike = sandbox.faults.strike(self.lane, command.account, operation, _request(command), arrived)
        if strike is None:
            check(sandbox.now(), timedelta(0))
            sandbox.act(self.lane, command, arrived)
            return
        if strike.drop is not None:
            sandbox.drop(self.lane, command, arrived, strike)
            _refuse(strike)
        if strike.delay_before_s:
            await asyncio.sleep(strike.delay_before_s)
        try:
            check(sandbox.now(), timedelta(0))
            sandbox.act(self.lane, command, arrived, strike)
            if strike.act_twice:
                with suppress(VenueError):  # where an id is taken once; the answer is the first's
                    sandbox.act(self.lane, command, sandbox.now(), strike)
        finally:
            await _unheard_or_late(strike)

    def set_up(self, command: SetFees | SetPositionMode) -> None:
        """Durably. Raises VenueError."""
        self.sandbox.act(self.lane, command, self.sandbox.now())

    async def look(self, operation: Operation, account: str, request: str, ask: Callable[[], T]) -> T:
        """A question, which a fault may meet too. Raises VenueError, and Unheard."""
        sandbox = self.sandbox
        strike = sandbox.faults.strike(self.lane, account, operation, request, sandbox.now())
        if strike is None:
            return ask()
        if strike.drop is not None:
            _refuse(strike)
        if strike.delay_before_s:
            await asyncio.sleep(strike.delay_before_s)
        try:
            return ask()
        finally:
            await _unheard_or_late(strike)


def _request(command: Any) -> str:
    return str(command.client_order_id)


def _refuse(strike: Strike) -> None:
    raise refusal_of(strike) or Unheard()


async def _unheard_or_late(strike: Strike) -> None:
    if strike.lost_after:
        _refuse(strike)
    if strike.delay_after_s:
        await asyncio.sleep(strike.delay_after_s)
