"""How much an exchange may be asked: its own buckets, each shared by all of this process that draws on it.

A bucket is what an exchange counts: weights of an address a minute, orders of an account in ten seconds, requests to
one endpoint a second. Room is kept for what is more urgent: questions about positions leave some to new orders, these
some to questions about orders, and all of them some to cancels. A question waits until there is room; what acts does
not wait here, as it may leave within its send window only: it is told when to come again (:class:`Held`), before its
gate.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any, Literal, NamedTuple, Protocol

from tightloop.venues.http import NotLeft

Urgency = Literal["cancel", "evidence", "order", "background"]
# Which part of a bucket each may use up. The last twentieth is left to others at the same address, whose requests show
# only in the next answer.
SHARES: Mapping[Urgency, float] = {"background": 0.6, "order": 0.8, "evidence": 0.9, "cancel": 0.95}
ALIKE: Mapping[Urgency, float] = dict.fromkeys(SHARES, 0.95)  # of a bucket that one kind of request alone draws on
# Background questions spread over an interval, so that none has to wait for all of it: in a quarter of it they have a
# bit more than a quarter of their share, as what they cost does not come out even.
PARTS, PART_SHARE = 4, 0.31
SLOTS = 100  # of an interval: what was spent within one comes back at its end
LONGEST_WAIT_S = 3600.0  # before something is tried again; bans last up to three days
LONGEST_QUESTION_S = 75.0  # that a question waits; who asks is told then that there is no answer, and asks again
FIRST_BACK_OFF_S, LAST_BACK_OFF_S = 1.0, 60.0  # after a 429 that does not say for how long; doubled each time

_URGENCY: ContextVar[Urgency] = ContextVar("urgency", default="background")


class Held(NotLeft):
    """Nothing was sent: the budget has no room for it now. ``retry_after_s``: when it has, as far as is known."""

    def __init__(self, why: str, retry_after_s: float) -> None:
        self.retry_after_s = min(retry_after_s, LONGEST_WAIT_S)
        super().__init__(f"not sent: {why} for another {math.ceil(self.retry_after_s)} s")


@contextmanager
def urgent(urgency: Urgency) -> Iterator[None]:
    """What is asked and sent within is as urgent as that."""
    token = _URGENCY.set(urgency)
    try:
        yield
    finally:
        _URGENCY.reset(token)


class Bucket:
    """At most ``limit`` units within any ``interval_s``, however the exchange lays its intervals. Questions in the
    background get a part of their share in each part of the interval (PARTS).

    ``shares``: see ``SHARES``. Times are seconds of any steady clock.
    """

    def __init__(self, limit: float, interval_s: float, shares: Mapping[Urgency, float] = SHARES) -> None:
        self.limit = limit
        self._interval_s = interval_s
        self._shares = shares
        self._spent: deque[list[float]] = deque()  # when it comes back, and how much
        self._quiet_until = -math.inf
        self._strikes = 0
        self.used = 0.0

    def wait_s(self, cost: float, urgency: Urgency, now: float) -> float:
        """Seconds until ``cost`` units may be spent; 0.0: now. What costs more than its share goes when nothing else
        was spent.
        """
        self._take_back(now)
        quiet_s = max(0.0, self._quiet_until - now)
        if not cost:
            return quiet_s
        room = self.limit * self._shares[urgency]
        waits = [quiet_s, self._until_room(cost, room, now, self._interval_s)]
        if urgency == "background" and self._shares is SHARES:
            waits.append(self._until_room(cost, room * PART_SHARE, now, self._interval_s / PARTS))
        return max(waits)

    def _until_room(self, cost: float, room: float, now: float, within_s: float) -> float:
        """Seconds until what was spent within the last ``within_s`` and ``cost`` fit into ``room``."""
        earlier_s = self._interval_s - within_s  # how much sooner it is out of that window than it comes back
        spent = [(back_at - earlier_s, units) for back_at, units in self._spent if back_at - earlier_s > now + 1e-6]
        over = sum(units for _, units in spent) + cost - max(room, cost)
        for out_at, units in spent:
            if over <= 1e-9:
                break
            over -= units
            if over <= 1e-9:
                return out_at - now
        return 0.0

    def spend(self, cost: float, now: float) -> None:
        """``cost`` units are on their way."""
        if cost <= 0:
            return
        width = self._interval_s / SLOTS
        back_at = math.ceil((now + self._interval_s) / width) * width
        if self._spent and self._spent[-1][0] >= back_at:
            self._spent[-1][1] += cost
        else:
            self._spent.append([back_at, cost])
        self.used += cost

    def told(self, used: float, now: float) -> None:
        """The exchange counts so much. What is beyond our own count others have spent."""
        self._take_back(now)
        self._strikes = 0
        self.spend(used - self.used, now)

    def back_off(self, retry_after_s: float | None, now: float) -> float:
        """The exchange refused for its limit (429), or bans: nothing is to leave until it said, nor much before.

        None: it did not say; longer each time, until it answers otherwise. For how many seconds that is.
        """
        if retry_after_s is None:
            retry_after_s = min(LAST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0**self._strikes)
        self._strikes += 1
        self._quiet_until = max(self._quiet_until, now + retry_after_s)
        return self._quiet_until - now

    def is_quiet(self, now: float) -> bool:
        """Does the exchange want nothing for now?"""
        return self._quiet_until > now

    def _take_back(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now + 1e-6:  # sums of seconds are not exact
            self.used -= self._spent.popleft()[1]
        if not self._spent:
            self.used = 0.0


class Charge(NamedTuple):
    """Of one request to one bucket."""

    bucket: Bucket
    cost: float


class Asking(NamedTuple):
    """A request, before it is signed. ``path`` as ccxt names the endpoint; ``at``: host and port; ``part``: what its
    address goes on with, such as ``fapi``; ``units``: its weight as ccxt counts.
    """

    at: str
    part: str
    method: str
    path: str
    given: Mapping[str, Any]
    units: float


class Tariff(Protocol):
    """What requests cost at an exchange, and what its answers tell of that."""

    def charges(self, asked: Asking) -> Sequence[Charge]: ...

    def heard(self, asked: Asking, headers: Mapping[str, str], answer: Any, now: float) -> None:
        """Of every answer but a 429 and a ban."""

    def refused_by(self, asked: Asking, code: str | None) -> Sequence[Bucket]:
        """Whose limit a 429 or a ban speaks of. ``code``: the exchange's own."""


class Budgets:
    """The buckets of a process. ``now``: seconds; ``sleep``: by the same clock. Safe from several threads."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.now = now
        self._sleep = sleep
        self._lock = RLock()
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def bucket(self, *place: str, limit: float, interval_s: float, shares: Mapping[Urgency, float] = SHARES) -> Bucket:
        """The one of that place, the same for all who ask for it; made with ``limit`` when nobody has asked before."""
        with self._lock:
            found = self._buckets.get(place)
            if found is None:
                found = self._buckets[place] = Bucket(limit, interval_s, shares)
            return found

    def spend(self, charges: Sequence[Charge], urgency: Urgency) -> float:
        """0.0: they are spent, all of them; or the seconds to wait, and nothing was spent."""
        with self._lock:
            now = self.now()
            wait_s = max((bucket.wait_s(cost, urgency, now) for bucket, cost in charges), default=0.0)
            if not wait_s:
                for bucket, cost in charges:
                    bucket.spend(cost, now)
            return wait_s

    async def admit(self, charges: Sequence[Charge], *, acts: bool) -> None:
        """Spend them. A question waits for room, LONGEST_QUESTION_S at most. Raises Held for what acts, for a question
        that would wait longer, and while the exchange wants nothing.
        """
        urgency = _URGENCY.get()
        if acts and urgency == "background":
            urgency = "order"
        began = self.now()
        while wait_s := self.spend(charges, urgency):
            now = self.now()
            if any(bucket.is_quiet(now) for bucket, _ in charges):
                raise Held("the exchange wants no requests", wait_s)
            if acts or now - began + wait_s > LONGEST_QUESTION_S:
                raise Held("the exchange's limits leave no room", wait_s)
            await self._sleep(wait_s)

    def heard(self, tariff: Tariff, asked: Asking, headers: Mapping[str, str], answer: Any) -> None:
        """An answer came."""
        with self._lock:
            tariff.heard(asked, headers, answer, self.now())

    def refused(self, tariff: Tariff, asked: Asking, code: str | None, retry_after_s: float | None) -> float:
        """A 429 or a ban came: the seconds for which nothing of the kind leaves."""
        with self._lock:
            now = self.now()
            return max(bucket.back_off(retry_after_s, now) for bucket in tariff.refused_by(asked, code))


class ByAddress:
    """The simplest tariff: one bucket for each host, in ccxt's units, for an exchange that counts nothing else."""

    def __init__(self, budgets: Budgets, per_minute: float = 600.0) -> None:
        self._budgets = budgets
        self._per_minute = per_minute

    def charges(self, asked: Asking) -> tuple[Charge, ...]:
        bucket = self._budgets.bucket(asked.at, "units", limit=self._per_minute, interval_s=60.0)
        return (Charge(bucket, asked.units),)

    def heard(self, asked: Asking, headers: Mapping[str, str], answer: Any, now: float) -> None:
        """Nothing is told."""

    def refused_by(self, asked: Asking, code: str | None) -> tuple[Bucket, ...]:
        return tuple(bucket for bucket, _ in self.charges(asked))


OF_THE_PROCESS = Budgets()
