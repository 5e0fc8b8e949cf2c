"""One request to a local exchange: what all of them ask of it, whatever its parameters are called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from tightloop.venues.dialects.desk import Desk
from tightloop.venues.dialects.keys import ApiKey
from tightloop.venues.sim.faults import Operation
from tightloop.venues.sim.trades import ExchangeAccount

T = TypeVar("T")


class Served(Protocol):
    """The exchange, as its dialect divides it."""

    desk: Desk


VenueT = TypeVar("VenueT", bound=Served)
SignedT = TypeVar("SignedT")


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

    async def look(self, operation: Operation, request: str, ask: Callable[[], T]) -> T:
        return await self.venue.desk.look(operation, self.account_name, request, ask)
