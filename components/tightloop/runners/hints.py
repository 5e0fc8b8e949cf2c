"""Which orders are watched, and which of them a venue's stream has just spoken of.

A hint moves a wake-up: the executor asks at once what it would have asked at its next poll. It is no evidence, and one
that is lost costs that poll's time alone. An order is watched from an answer that shows it open until one that shows
how it ended, or does not show it any more, and no longer than its worker is there. A hint about an order that is just
being asked about counts afterwards: the answer may be older than it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar
from weakref import ReferenceType, ref

from tightloop.handlers import calls
from tightloop.runners.shapes import Started

GAP_S = 0.1  # between two hints about one order: what comes sooner waits, and counts once
Owner = TypeVar("Owner")
Later = Callable[[float, Callable[[], None]], object]  # seconds, and what to do then


class Hinted(NamedTuple, Generic[Owner]):
    """A watched order of that key, which ``owner`` asked about."""

    owner: Owner
    key: str
    client_order_id: str


class Hints(Generic[Owner]):
    """All but :meth:`take` in one thread. ``wake``: called when there is something to take; ``later``: see GAP_S."""

    def __init__(self, wake: Callable[[], None], later: Later, now: Callable[[], float] = time.monotonic) -> None:
        self._wake = wake
        self._later = later
        self._now = now
        self._watched: dict[str, tuple[ReferenceType[Owner], str]] = {}
        self._asked: dict[str, int] = {}
        self._heard_meanwhile: set[str] = set()
        self._last: dict[str, float] = {}
        self._waiting: deque[Hinted[Owner]] = deque()
        self.listens = False  # is there a stream at all?

    @property
    def watches(self) -> bool:
        """May a hint come?"""
        return self.listens and bool(self._watched)

    @property
    def waiting(self) -> bool:
        """Is there something to take?"""
        return bool(self._waiting)

    def asking(self, started: Started) -> None:
        """A call begins."""
        name = self._order_of(started)
        if name is not None:
            self._asked[name] = self._asked.get(name, 0) + 1

    def answered(self, owner: Owner, started: Started, answer: calls.Answer) -> None:
        """It has ended, and its answer can be taken."""
        name = self._order_of(started)
        if name is None:
            return
        left = self._asked.pop(name, 1) - 1  # it may have begun before there was a stream
        if left:
            self._asked[name] = left
        if isinstance(answer, calls.OrderFound):
            if answer.status == "open":
                self._watched[name] = ref(owner, lambda gone: self._owner_gone(name, gone)), started.key
            else:
                self._unwatch(name)
        elif isinstance(answer, calls.NotFound):
            self._unwatch(name)  # the stream may speak of it once more, and its poll comes in any case
        elif isinstance(answer, calls.Refused) and isinstance(started.call, calls.Submit):
            self._unwatch(name)
        if not left and name in self._heard_meanwhile:
            self._heard_meanwhile.discard(name)
            self.heard(name)

    def _unwatch(self, name: str) -> None:
        self._watched.pop(name, None)
        self._last.pop(name, None)

    def _owner_gone(self, name: str, gone: ReferenceType[Owner]) -> None:
        """Its partition was taken away. Where it came back, its new worker may have asked since."""
        place = self._watched.get(name)
        if place is not None and place[0] is gone:
            self._unwatch(name)

    def heard(self, client_order_id: str) -> None:
        """A stream says that this order changed."""
        if client_order_id in self._asked:
            self._heard_meanwhile.add(client_order_id)
            return
        place = self._watched.get(client_order_id)
        owner = None if place is None else place[0]()
        if place is None or owner is None:
            return
        now = self._now()
        due_s = self._last.get(client_order_id, now - GAP_S) + GAP_S - now
        if due_s > 0:
            if client_order_id not in self._heard_meanwhile:
                self._heard_meanwhile.add(client_order_id)
                self._later(due_s, lambda: self._heard_again(client_order_id))
            return
        self._last[client_order_id] = now
        self._waiting.append(Hinted(owner, place[1], client_order_id))
        self._wake()

    def _heard_again(self, client_order_id: str) -> None:
        if client_order_id in self._heard_meanwhile and client_order_id not in self._asked:
            self._heard_meanwhile.discard(client_order_id)
            self.heard(client_order_id)

    def take(self) -> list[Hinted[Owner]]:
        """What was heard since the last time. Whatever answer came before it can be taken by now."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    def _order_of(self, started: Started) -> str | None:
        call = started.call
        if self.listens and isinstance(call, calls.Submit | calls.FindOrder | calls.CancelOrder):
            return call.entry.client_order_id
        return None
