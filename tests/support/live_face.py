"""The live adapters over the sandboxes of their exchanges, as the contract's cases see an exchange."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct
from msgspec.structs import replace
from tests.support.binance_sandbox import BinanceSandbox
from tests.support.bybit_sandbox import BybitSandbox
from tests.support.exchange_sandbox import ExchangeSandbox
from tests.support.lanes import REGISTRY
from tests.support.okx_sandbox import OkxSandbox
from tests.support.venue_faces import PATIENT_S, Face

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues import binance, bybit, okx
from tightloop.venues.credentials import Credentials, checked
from tightloop.venues.live.binance import Binance
from tightloop.venues.live.budget import Bucket, Budgets
from tightloop.venues.live.bybit import Bybit
from tightloop.venues.live.exchange import LiveExchange
from tightloop.venues.live.okx import Okx
from tightloop.venues.sim.settings import ExchangeSettings

T = TypeVar("T")


class LiveVenue(Struct, frozen=True, kw_only=True):
    """What a live exchange is to the cases.

    ``dialect``: its class, which takes lane, credentials, ``reading``, ``clock``, ``act_timeout_s`` and ``budgets``,
    and whose ``_sessions`` is a mapping. ``sandbox``: takes folder and clock. ``settings``: the rules that expectations
    are computed from. ``untimely``: what its refusal of a signed time begins with, and the codes for one that is too
    old, and for one that is ahead. ``closed``: its code for an order that is rejected for no more than a message.
    ``takes_ids_again``: may a client order id be used again once its order is over? ``ends_post_only``: is
    a post-only order that would trade taken, and ended, rather than refused?
    ``ethereum``: what it calls that chain. ``funding``: do deposits come to an account of their own, which withdrawals
    leave? ``lacks``: cases that it can't have, by the case's name, with the reason.
    """

    spec: VenueSpec
    settings: ExchangeSettings
    dialect: Callable[..., Any]
    sandbox: type[ExchangeSandbox]
    untimely: tuple[str, str, str]
    closed: str
    takes_ids_again: bool = True
    ends_post_only: bool = False
    ethereum: str = "ETH"
    funding: bool = False
    lacks: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.spec.name

    def deposit_key(self, asset: str) -> str:
        """Where the sandbox puts a deposit."""
        return f"{self.name}:Funding:{asset}" if self.funding else self.settings.balance_key("spot", asset)

    def lane(self, address: str, withdraws_to: tuple[str, ...] = ()) -> LaneSpec:
        return replace(REGISTRY.lane(self.name), simulated=False, endpoint=address, withdraws_to=withdraws_to)

    def credentials(self, key: dict[str, Any]) -> Credentials:
        """One API key of the sandbox."""
        return checked(self.spec, "dev", {name: _part(key, name) for name in self.spec.credentials})


def _part(key: dict[str, Any], name: str) -> str:
    part = next((one for one in ("secret", "passphrase") if name.endswith(f"_{one.upper()}")), "key")
    return str(key[part])


def skip_what_it_lacks(venue: LiveVenue, request: pytest.FixtureRequest) -> None:
    """Skips what the exchange can't do, with the reason that is declared for it."""
    given = getattr(request.node, "callspec", None)
    case = given.params.get("case") if given is not None else None
    name = case.__name__ if case is not None else request.node.originalname
    if name in venue.lacks:
        pytest.skip(f"{venue.name}: {venue.lacks[name]}")


_SHOWS_IDS = "its history shows our id of a withdrawal, so that those that are alike are told apart"
_OF_NO_ID = (
    "test_a_withdrawal_like_another_is_not_prepared_within_its_time",
    "test_while_nobody_knows_of_a_withdrawal_none_like_it_is_prepared",
    "test_of_two_withdrawals_in_one_anothers_time_nothing_is_known",
)
BINANCE = LiveVenue(
    spec=binance.SPEC,
    settings=binance.settings("binance"),
    dialect=Binance,
    sandbox=BinanceSandbox,
    untimely=("-1021:", "EXI-001", "EXI-015"),
    closed="-2010",
    lacks=dict.fromkeys(_OF_NO_ID, _SHOWS_IDS),
)
BYBIT = LiveVenue(
    spec=bybit.SPEC,
    settings=bybit.settings("bybit"),
    dialect=Bybit,
    sandbox=BybitSandbox,
    untimely=("10002:", "EXI-001", "EXI-015"),
    closed="170210",
    takes_ids_again=False,
    ends_post_only=True,
    lacks={
        "test_46_a_duplicated_request_hurts_an_exchange": "an id is taken once, so that it does not",
        "test_two_withdrawals_with_one_id_are_no_evidence": "it takes an id once, and shows none",
        "test_case_164_a_ban_is_waited_out_and_nothing_is_asked_meanwhile": (
            "how long an address is refused is not told, so that it is left alone for ten minutes"
        ),
    },
)
_AHEAD = "a time that is ahead by less than 30 s is taken; one that is too old is a case of test_okx.py"
OKX = LiveVenue(
    spec=okx.SPEC,
    settings=okx.settings("okx"),
    dialect=Okx,
    sandbox=OkxSandbox,
    untimely=("50036:", "EXI-001", "EXI-001"),
    closed="51022",
    ends_post_only=True,
    ethereum="USDT-ERC20",
    funding=True,
    lacks={
        **dict.fromkeys(_OF_NO_ID, _SHOWS_IDS),
        "test_case_206_a_request_signed_long_ago_moves_nothing": (
            "it takes a request for 30 s, and so long nothing that is not there counts as evidence"
        ),
        "test_39_an_order_may_be_rejected_after_it_was_taken": "an order that it will not carry out is cancelled",
        "test_163_a_clock_that_is_off_by_more_than_the_windows_sends_nothing_that_acts": _AHEAD,
        "test_case_51_a_signed_time_that_the_venue_does_not_take_was_not_sent": _AHEAD,
        "test_case_164_a_ban_is_waited_out_and_nothing_is_asked_meanwhile": "it has no bans by address",
    },
)
LIVE = (BINANCE, BYBIT, OKX)


def live_lane(address: str) -> LaneSpec:
    return BINANCE.lane(address)


def credentials_of(key: dict[str, Any]) -> Credentials:
    """One API key of Binance's sandbox, for spot and futures."""
    return BINANCE.credentials(key)


class Plenty(Budgets):
    """Without limits, as many cases share a clock that stands still; what an exchange refuses counts all the same."""

    def bucket(self, *place: str, limit: float, **rest: Any) -> Bucket:
        return super().bucket(*place, limit=math.inf, **rest)


class LiveFace(Face):
    """``use`` says whose keys the adapter has from then on. ``manual``: the venue's clock moves when the test says so,
    and the adapter signs by it. ``withdraws_to``: the lane's; with any, the keys may withdraw.
    """

    def __init__(
        self,
        folder: Path,
        venue: LiveVenue = BINANCE,
        *,
        manual: bool = True,
        mutation_timeout_s: float = PATIENT_S,
        withdraws_to: tuple[str, ...] = (),
    ) -> None:
        self.withdraws_to = withdraws_to
        self.venue = venue
        self.sandbox = venue.sandbox(folder, "manual" if manual else "wall")
        self._manual_now: datetime | None = None
        self._timeout_s = mutation_timeout_s
        self._loop = asyncio.new_event_loop()
        self._keys: dict[str, dict[str, Any]] = {}
        self.budgets = Plenty(now=lambda: self.now().timestamp())
        self.adapters = {}
        if manual:
            self.control("GET", "/admin/health")

    def use(self, account: str) -> None:
        if account not in self._keys:
            asked = {"account": account, **({"withdraw": "true"} if self.withdraws_to else {})}
            self._keys[account] = self.sandbox.control("POST", "/admin/keys", **asked)[0]
        self._account = account
        if not self.adapters:
            self.reconnect()
        for session in self.dialect._sessions.values():  # ccxt's classes take half a second to make
            key = self._keys[account]
            session.ccxt.apiKey, session.ccxt.secret = key["key"], key["secret"]
            session.ccxt.password = key.get("passphrase")

    def reconnect(self) -> None:
        self._hang_up()
        lane = self.venue.lane(self.sandbox.address, self.withdraws_to)
        credentials = self.venue.credentials(self._keys[self._account])
        self.dialect = self.venue.dialect(
            lane, credentials, reading=False, clock=self.now, act_timeout_s=self._timeout_s, budgets=self.budgets
        )
        self.adapters = {self.venue.name: LiveExchange(lane, self.dialect)}

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


@contextmanager
def documented(face: LiveFace) -> Iterator[LiveFace]:
    """Closes it in the end, and fails where a request was not as the exchange documents it."""
    yield face
    violations = face.control("GET", "/admin/documents")["violations"]
    face.close()
    assert violations == [], "every request of every case was as the exchange documents it"
