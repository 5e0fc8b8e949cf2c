"""One request to a local exchange: what all of them ask of it, whatever its parameters are called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.keys import ApiKey
from tightloop.venues.sim.commands import Acting, CancelWorking, ChangeWorking
from tightloop.venues.sim.faults import Operation
from tightloop.venues.sim.orders import Order
from tightloop.venues.sim.trades import ExchangeAccount

T = TypeVar("T")


class Served(Protocol):
    """The exchange, as its dialect divides it."""

    desk: Desk


class Signed(Protocol):
    """When a request was signed. ``check`` refuses what is too old, in the exchange's words."""

    at: datetime

    def check(self, now: datetime, late: timedelta = timedelta(0)) -> None: ...


VenueT = TypeVar("VenueT", bound=Served)
SignedT = TypeVar("SignedT", bound=Signed)


class Request(Struct, Generic[VenueT, SignedT], frozen=True):
    """``key`` and ``signed``: of requests that are signed."""

    venue: VenueT
    given: dict[str, str]
    now: datetime
    key: ApiKey | None = None
    signed: SignedT | None = None

    @property
    def account_name(self) -> str:
        if self.key is None:
            raise TypeError("a request that nobody signed has no account")
        return self.key.account

    @property
    def signed_time(self) -> SignedT:
        if self.signed is None:
            raise TypeError("a request that nobody signed has no time")
        return self.signed

    def account(self) -> ExchangeAccount:
        return self.venue.desk.account(self.account_name)

    def wants(self, **named: str | None) -> bool:
        """Is it asked for? ``named``: what it has, by the parameters that choose by it; those not given choose all."""
        return all(self.given.get(name) in (None, "", value) for name, value in named.items())

    async def look(self, operation: Operation, request: str, ask: Callable[[], T]) -> T:
        return await self.venue.desk.look(operation, self.account_name, request, ask)

    async def act(self, operation: Operation, command: Acting) -> None:
        """Raises VenueError, Unheard, and the exchange's own refusal of what is too old by now."""
        await self.venue.desk.act(operation, command, self.signed_time.check)

    async def cancel(self, order: Order) -> None:
        """Raises as :meth:`act`."""
        who = self.account_name
        command = CancelWorking(account=who, client_order_id=order.client_order_id, timestamp=self.signed_time.at)
        await self.act("cancel", command)

    async def change(self, order: Order, amount: Decimal, price: Decimal) -> None:
        """Raises as :meth:`act`."""
        command = ChangeWorking(
            account=self.account_name,
            client_order_id=order.client_order_id,
            amount=amount,
            price=price,
            timestamp=self.signed_time.at,
        )
        await self.act("change", command)


def is_plain_id(own: str) -> bool:
    """Is it of 1 to 32 letters and digits?"""
    return own.isascii() and own.isalnum() and len(own) <= 32
