"""The live adapter of Binance over ``tightloop sandbox binance``, as the contract's cases see an exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace
from tests.support.binance_sandbox import BinanceSandbox
from tests.support.lanes import REGISTRY
from tests.support.venue_faces import PATIENT_S, Face

from tightloop.domain.directory import LaneSpec
from tightloop.venues import binance
from tightloop.venues.credentials import Credentials, checked
from tightloop.venues.live.binance import Binance
from tightloop.venues.live.budget import Budgets
from tightloop.venues.live.exchange import LiveExchange

T = TypeVar("T")


def live_lane(address: str) -> LaneSpec:
    return replace(REGISTRY.lane("binance"), simulated=False, endpoint=address)


def credentials_of(key: dict[str, Any]) -> Credentials:
    """One API key of the sandbox, for spot and futures."""
    names = binance.SPEC.credentials
    return checked(binance.SPEC, "dev", {name: key["secret" if name.endswith("_SECRET") else "key"] for name in names})


class LiveFace(Face):
    """``use`` says whose keys the adapter has from then on. ``manual``: the venue's clock moves when the test says so,
    and the adapter signs by it.
    """

    def __init__(self, folder: Path, *, manual: bool = True, mutation_timeout_s: float = PATIENT_S) -> None:
        self.sandbox = BinanceSandbox(folder, clock="manual" if manual else "wall")
        self._manual_now: datetime | None = None
        self._timeout_s = mutation_timeout_s
        self._loop = asyncio.new_event_loop()
        self._keys: dict[str, dict[str, Any]] = {}
        self.budgets = Budgets(now=lambda: self.now().timestamp())
        self.adapters = {}
        if manual:
            self.control("GET", "/admin/health")

    def use(self, account: str) -> None:
        if account not in self._keys:
            self._keys[account] = self.sandbox.control("POST", "/admin/keys", account=account)[0]
        self._account = account
        if not self.adapters:
            self.reconnect()
        for session in self.dialect._sessions.values():  # ccxt's classes take half a second to make
            session.ccxt.apiKey, session.ccxt.secret = self._keys[account]["key"], self._keys[account]["secret"]

    def reconnect(self) -> None:
        self._hang_up()
        lane, credentials = live_lane(self.sandbox.address), credentials_of(self._keys[self._account])
        self.dialect = Binance(
            lane, credentials, reading=False, clock=self.now, act_timeout_s=self._timeout_s, budgets=self.budgets
        )
        self.adapters = {"binance": LiveExchange(lane, self.dialect)}

    def drive(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)

    def now(self) -> datetime:
        return self._manual_now or datetime.now(UTC)

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        seen = self.sandbox.control(method, path, body, **query)
        if path in ("/admin/clock", "/admin/health") and self.sandbox.clock == "manual":
            self._manual_now = datetime.fromisoformat(seen["time"])
        return seen

    def pass_time(self, seconds: float) -> None:
        if self._manual_now is None:
            time.sleep(seconds)
        else:
            self.control("POST", "/admin/clock", {"advance_s": seconds})

    def restart(self) -> None:
        now = self.now()
        self.sandbox.kill()
        self.sandbox.start()
        if self._manual_now is not None:
            self.control("POST", "/admin/clock", {"set": now})
        self.reconnect()

    def _hang_up(self) -> None:
        for adapter in self.adapters.values():
            self.drive(adapter.close())

    def close(self) -> None:
        self._hang_up()
        self.sandbox.close()
        self._loop.close()
