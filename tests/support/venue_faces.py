"""The simulated venues behind either face, HTTP or in process, with one way to speak to them: what contract tests use.

``Face`` is synchronous: it drives the adapters' coroutines itself. The in-process one insists that they never wait.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace
from tests.support.lanes import account as ref
from tests.support.venue_intents import to_be_sent

from tightloop.handlers.calls import Ledger, LedgerEntry, Positions, Prepared
from tightloop.records.types import JournalEntry, SubmissionKind
from tightloop.venues import registry
from tightloop.venues.adapter import ClockGate, VenueAdapter
from tightloop.venues.http import HttpClient
from tightloop.venues.sim.admin import admin_routes
from tightloop.venues.sim.client import SimChain, SimExchange
from tightloop.venues.sim.inprocess import InProcessChain, InProcessExchange
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings

T = TypeVar("T")
ORIGIN = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SEND_WINDOW = timedelta(seconds=3)
PATIENT_S = 10.0  # how long a client waits for an answer, unless a case is about losing patience
_DEADLINE_S = 20.0


def without_ids(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """As a chain's ledger has them: it knows the hash of what caused an entry, and no id of ours."""
    return [replace(entry, client_order_id=None) for entry in entries]


class Face(ABC):
    """One sandbox, seen through its adapters and its control endpoint."""

    adapters: dict[str, VenueAdapter]

    @abstractmethod
    def drive(self, coroutine: Coroutine[Any, Any, T]) -> T: ...

    @abstractmethod
    def now(self) -> datetime: ...

    @abstractmethod
    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The control endpoint's answer as plain JSON values."""

    @abstractmethod
    def pass_time(self, seconds: float) -> None: ...

    @abstractmethod
    def restart(self) -> None:
        """Kill it without a warning, and start it again on the same books."""

    @abstractmethod
    def reconnect(self) -> None:
        """New adapters in place of the old ones, which nobody closes in good order: a process of ours was killed."""

    @abstractmethod
    def close(self) -> None: ...

    def submit(self, entry: JournalEntry, journalled_at: datetime | None = None) -> Any:
        """What was not prepared yet is prepared first; why it can't be is then the answer."""
        if not entry.submissions:
            answer = self.prepare(entry)
            if not isinstance(answer, Prepared):
                return answer
            entry = to_be_sent(entry, answer.what)
        return self.drive(self.adapters[entry.lane].submit(entry, self.gate(entry, journalled_at)))

    def cancel(self, entry: JournalEntry) -> Any:
        return self.drive(self.adapters[entry.lane].cancel(entry, self.gate(entry, None)))

    def find(self, entry: JournalEntry) -> Any:
        return self.drive(self.adapters[entry.lane].find(entry))

    def ledger(self, lane: str, account: str, cursor: str | None = None) -> Any:
        return self.drive(self.adapters[lane].ledger(ref(lane, account), cursor))

    def positions(self, lane: str, account: str) -> Any:
        return self.drive(self.adapters[lane].positions(ref(lane, account)))

    def prepare(self, entry: JournalEntry, least_nonce: int | None = None) -> Any:
        return self.drive(self.adapters[entry.lane].prepare(entry, least_nonce))

    def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> Any:
        return self.drive(self.adapters[entry.lane].replace(entry, kind))

    def prepared(self, entry: JournalEntry, least_nonce: int | None = None) -> JournalEntry:
        """The entry as it is journalled before it is sent."""
        return self._journalled(entry, self.prepare(entry, least_nonce), "first")

    def replaced(self, entry: JournalEntry, kind: Literal["bump", "cancel"] = "bump") -> JournalEntry:
        """The entry as it is journalled before a sibling is sent."""
        return self._journalled(entry, self.replace(entry, kind), kind)

    @staticmethod
    def _journalled(entry: JournalEntry, answer: Any, kind: SubmissionKind) -> JournalEntry:
        assert isinstance(answer, Prepared), answer
        return to_be_sent(entry, answer.what, kind)

    def nonce(self, account: str) -> int:
        """The wallet's next, by the chain's latest block."""
        books = self.control("GET", "/admin/books", lane="ethereum", account=account)["accounts"]
        return books[0]["nonce"] if books else 0

    def chain(self, **change: Any) -> Any:
        """What the control endpoint says of the chain, after ``change``."""
        if change:
            return self.control("POST", "/admin/chain", {"lane": "ethereum", **change})
        return self.control("GET", "/admin/chain", lane="ethereum")

    def gate(self, entry: JournalEntry, journalled_at: datetime | None) -> ClockGate:
        return ClockGate(self.now, journalled_at or self.now(), SEND_WINDOW, entry.routed.not_after)

    def fault(self, kind: str, account: str, **fields: Any) -> None:
        self.control("POST", "/admin/faults", {"kind": kind, "account": account, **fields})

    def amounts(self, lane: str, account: str) -> dict[str, Decimal]:
        positions = self.positions(lane, account)
        assert isinstance(positions, Positions), positions
        return positions.amounts

    def entries(self, lane: str, account: str) -> list[Any]:
        ledger = self.ledger(lane, account)
        assert isinstance(ledger, Ledger), ledger
        return list(ledger.entries)

    def requests(self, account: str) -> list[dict[str, Any]]:
        every = self.control("GET", "/admin/requests")["requests"]
        return [request for request in every if request["account"] == account]

    def eventually(self, holds: Callable[[], Any], what: str) -> Any:
        """Let time pass until ``holds`` gives something true."""
        deadline = time.monotonic() + _DEADLINE_S
        while not (seen := holds()):
            assert time.monotonic() < deadline, f"still waiting for {what}; last seen: {seen!r}"
            self.pass_time(0.05)
        return seen


class InProcessFace(Face):
    """Over a sandbox in this process, with a clock that moves when the test says so."""

    def __init__(self, folder: Path, settings: SimSettings, *, mutation_timeout_s: float = PATIENT_S) -> None:
        self._timeouts = {"mutation_timeout_s": mutation_timeout_s, "read_timeout_s": PATIENT_S}
        self._settings = replace(settings, data_dir=str(folder), clock="manual", market_origin=ORIGIN)
        self._open(None)

    def _open(self, now: datetime | None) -> None:
        self.sandbox = Sandbox(self._settings)
        if now is not None and self.sandbox.manual is not None:
            self.sandbox.manual.move(timedelta(0), now)
        self._routes = admin_routes(self.sandbox)
        self.reconnect()

    def reconnect(self) -> None:
        self.adapters = {
            lane: InProcessExchange(registry.known().lane(lane), self.sandbox, **self._timeouts)
            for lane in self.sandbox.exchanges
        }
        self.adapters |= {
            lane: InProcessChain(registry.known().lane(lane), self.sandbox, **self._timeouts)
            for lane in self.sandbox.chains
        }

    def drive(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            coroutine.send(None)
        except StopIteration as end:
            answer: T = end.value
            return answer
        raise AssertionError("an in-process adapter waited for something")

    def now(self) -> datetime:
        return self.sandbox.now()

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        asked = {name: str(value) for name, value in query.items()}
        answer = self._routes[f"{method} {path}"](asked, msgspec.json.encode(body))
        self.sandbox.flush()
        return json.loads(msgspec.json.encode(answer))

    def pass_time(self, seconds: float) -> None:
        assert self.sandbox.manual is not None
        self.sandbox.manual.move(timedelta(seconds=seconds))

    def restart(self) -> None:
        now = self.now()
        self.sandbox.close()
        self._open(now)

    def close(self) -> None:
        self.sandbox.close()


class HttpFace(Face):
    """Over a server in a process of its own."""

    def __init__(
        self, folder: Path, settings: SimSettings, *, manual: bool, mutation_timeout_s: float = PATIENT_S
    ) -> None:
        self._timeouts = {"mutation_timeout_s": mutation_timeout_s, "read_timeout_s": PATIENT_S}
        self._manual = manual
        clock, origin = ("manual", ORIGIN) if manual else ("wall", None)
        kept = msgspec.json.encode(replace(settings, data_dir=str(folder), clock=clock, market_origin=origin))
        self._file = folder / "settings.json"
        self._file.write_bytes(kept)
        self._loop = asyncio.new_event_loop()
        self._port = 0
        self._start()

    def _start(self) -> None:
        arguments = [sys.executable, "-m", "tightloop.venues.sim.server", "--settings", str(self._file)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        arguments += ["--port", str(self._port)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server ended with {self.process.wait(10)} before it listened"
        self._port = json.loads(line)["port"]
        self._control = HttpClient("127.0.0.1", self._port)
        self.adapters = {}
        self.reconnect()

    def reconnect(self) -> None:
        for adapter in self.adapters.values():
            self.drive(adapter.close())  # as the kernel does with a dead process's connections
        lanes = self.control("GET", "/admin/health")["lanes"]
        self.adapters = {
            lane: (SimChain if lane == "ethereum" else SimExchange)(
                registry.known().lane(lane), "127.0.0.1", self._port, **self._timeouts
            )
            for lane in lanes
        }

    def drive(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)

    def now(self) -> datetime:
        if not self._manual:
            return datetime.now(UTC)
        return self._manual_now

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        status, answer = self.drive(self._control.ask(method, f"{path}?{urlencode(query)}", content, 30))
        assert status == 200, (method, path, query, status, answer)
        seen = json.loads(answer)
        if path in ("/admin/clock", "/admin/health"):
            self._manual_now = datetime.fromisoformat(seen["time"])
        return seen

    def pass_time(self, seconds: float) -> None:
        if self._manual:
            self.control("POST", "/admin/clock", {"advance_s": seconds})
        else:
            time.sleep(seconds)

    def restart(self) -> None:
        now = self.now()
        self.kill()
        self._start()
        if self._manual:
            self.control("POST", "/admin/clock", {"set": now})

    def kill(self) -> None:
        """SIGKILL, and the connections that were open to it."""
        self.process.kill()
        self.process.wait(10)
        self._hang_up()

    def _hang_up(self) -> None:
        for adapter in self.adapters.values():
            self.drive(adapter.close())
        self.drive(self._control.close())
        if self.process.stdout is not None:
            self.process.stdout.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self._hang_up()
        self._loop.close()
