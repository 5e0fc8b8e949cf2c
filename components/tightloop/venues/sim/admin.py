"""The control endpoint of the sandbox: faults, clocks, drift, and everything a judge needs to see.

``GET /admin/health``; ``GET /admin/books[?lane=&account=]``; ``GET /admin/requests[?after=N&limit=M]``; ``POST
/admin/faults`` (a FaultRule), ``GET /admin/faults``, ``DELETE /admin/faults[?id=N]``; ``POST /admin/clock``; ``POST
/admin/drift``, ``/admin/deposit``, ``/admin/fill``, ``/admin/liquidate``, ``/admin/accounts``,
``/admin/fees`` and ``/admin/position_mode`` (``lane``, and what commands.SetFees and SetPositionMode hold); ``POST
/admin/chain`` (``lane``, and what commands.ChangeChain holds), ``GET /admin/chain?lane=``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.sim import commands as c
from tightloop.venues.sim.books import Drifted, VenueError
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.faults import FaultRule, FaultState
from tightloop.venues.sim.requests import Request
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.trades import ExchangeAccount
from tightloop.venues.sim.views import ChainView, OrderView, SentView, TransferView, chain_view, order_views, sent_views
from tightloop.venues.sim.wallets import Transaction, WalletAccount

_PAGE = 10_000


class ClockChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``market_advance_s``: funding and interest jump ahead. ``skew_s``: by how much the venues' clock is ahead of the
    wall's from now on, negative: behind it. It never runs backwards, but stands still until it is as far behind.
    ``advance_s`` and ``set``: the manual clock.
    """

    market_advance_s: float = 0.0
    skew_s: float | None = None
    advance_s: float = 0.0
    set: datetime | None = None


class DriftRequest(Struct, frozen=True, kw_only=True):
    lane: str
    account: str
    position_key: str
    amount: Decimal


class DepositRequest(Struct, frozen=True, kw_only=True):
    lane: str
    account: str
    position_key: str
    amount: Decimal
    reference: str


class FillRequest(Struct, frozen=True, kw_only=True):
    lane: str
    account: str
    client_order_id: str
    amount: Decimal | None = None
    price: Decimal | None = None


class LiquidationRequest(Struct, frozen=True, kw_only=True):
    """``position_key``: of the debt."""

    lane: str
    account: str
    position_key: str


class AccountRequest(Struct, frozen=True, kw_only=True):
    """Open an account with balances of its own, before anything touches it."""

    lane: str
    account: str
    opening: dict[str, Decimal]


class AccountBooks(Struct, frozen=True, kw_only=True):
    """Everything the venue knows of an account. Opening + ledger deltas + drifts = balances.

    ``final_sequence``: the last of the ledger that the account is shown; what follows may still go away (chains).
    """

    lane: str
    venue: str
    account: str
    opened_at: datetime
    as_of: datetime
    sequence: int
    opening: dict[str, Decimal]
    balances: dict[str, Decimal]
    ledger: list[LedgerEntry]
    drifts: list[Drifted]
    orders: list[OrderView]
    transfers: list[TransferView]
    transactions: list[Transaction]
    pending: list[SentView]
    nonce: int | None
    final_sequence: int


class Books(Struct, frozen=True, kw_only=True):
    as_of: datetime
    market_time: datetime
    accounts: list[AccountBooks]


class Requests(Struct, frozen=True, kw_only=True):
    """Requests after the asked number; ``last`` is the number of the last one there is."""

    requests: list[Request]
    last: int


def admin_routes(sandbox: Sandbox) -> dict[str, Callable[[dict[str, str], bytes], Any]]:
    """``METHOD /path`` to what answers it, from query and body."""
    admin = _Admin(sandbox)
    return {
        "GET /admin/health": admin.health,
        "GET /admin/books": admin.books,
        "GET /admin/requests": admin.requests,
        "GET /admin/faults": admin.list_faults,
        "POST /admin/faults": admin.add_fault,
        "DELETE /admin/faults": admin.clear_faults,
        "POST /admin/clock": admin.clock,
        "POST /admin/drift": admin.drift,
        "POST /admin/deposit": admin.deposit,
        "POST /admin/fill": admin.fill,
        "POST /admin/fees": partial(admin.set_up, c.SetFees),
        "POST /admin/position_mode": partial(admin.set_up, c.SetPositionMode),
        "POST /admin/liquidate": admin.liquidate,
        "POST /admin/accounts": admin.open_account,
        "GET /admin/chain": admin.chain,
        "POST /admin/chain": admin.change_chain,
    }


class _Admin:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def health(self, query: dict[str, str], body: bytes) -> Any:
        sandbox = self._sandbox
        now = sandbox.now()
        return {
            "ready": True,
            "time": now,
            "skew_s": sandbox.skew.total_seconds(),
            "market_time": sandbox.market_clock.market(now),
            "market_origin": sandbox.market_origin,
            "lanes": list(sandbox.lanes),
        }

    def books(self, query: dict[str, str], body: bytes) -> Books:
        sandbox = self._sandbox
        now = sandbox.settle_everything()
        wanted_lane, wanted = query.get("lane"), query.get("account")
        accounts = [
            _books(lane, account, now)
            for lane in sandbox.lanes.values()
            for account in lane.accounts.values()
            if wanted_lane in (None, lane.lane) and wanted in (None, account.name)
        ]
        return Books(as_of=now, market_time=sandbox.market_clock.market(now), accounts=accounts)

    def requests(self, query: dict[str, str], body: bytes) -> Requests:
        self._sandbox.catch_up()
        log, after = self._sandbox.requests, int(query.get("after") or 0)
        return Requests(requests=log.read(after, int(query.get("limit", _PAGE))), last=len(log))

    def list_faults(self, query: dict[str, str], body: bytes) -> list[FaultState]:
        return self._sandbox.faults.active

    def add_fault(self, query: dict[str, str], body: bytes) -> FaultState:
        return self._sandbox.faults.add(msgspec.json.decode(body, type=FaultRule), self._sandbox.now())

    def clear_faults(self, query: dict[str, str], body: bytes) -> Any:
        return {"cleared": self._sandbox.faults.clear(int(query["id"]) if "id" in query else None)}

    def clock(self, query: dict[str, str], body: bytes) -> Any:
        sandbox = self._sandbox
        change = msgspec.json.decode(body, type=ClockChange)
        if change.skew_s is not None:
            sandbox.skew = timedelta(seconds=change.skew_s)
        if change.advance_s or change.set is not None:
            if sandbox.manual is None:
                raise VenueError("bad_request", "the clock is the wall's: start the server with clock `manual`")
            sandbox.manual.move(timedelta(seconds=change.advance_s), change.set)
        if change.market_advance_s:
            microseconds = round(change.market_advance_s * 1_000_000)
            sandbox.act("", c.AdvanceMarket(microseconds=microseconds), sandbox.now())
        return self.health(query, body)

    def drift(self, query: dict[str, str], body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=DriftRequest)
        command = c.Drift(account=asked.account, position_key=asked.position_key, amount=asked.amount)
        self._sandbox.act(asked.lane, command, self._sandbox.now())
        return self._sandbox.positions(asked.lane, asked.account)

    def deposit(self, query: dict[str, str], body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=DepositRequest)
        command = c.Deposit(
            account=asked.account, position_key=asked.position_key, amount=asked.amount, reference=asked.reference
        )
        self._sandbox.act(asked.lane, command, self._sandbox.now())
        return self._sandbox.positions(asked.lane, asked.account)

    def fill(self, query: dict[str, str], body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=FillRequest)
        command = c.FillWorking(
            account=asked.account, client_order_id=asked.client_order_id, amount=asked.amount, price=asked.price
        )
        return self._sandbox.act(asked.lane, command, self._sandbox.now())

    def set_up(self, kind: type[c.SetFees | c.SetPositionMode], query: dict[str, str], body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=dict[str, Any])
        lane = str(asked.pop("lane"))
        self._sandbox.act(lane, msgspec.convert(asked, kind), self._sandbox.now())
        return {"account": asked["account"]}

    def liquidate(self, query: dict[str, str], body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=LiquidationRequest)
        command = c.Liquidate(account=asked.account, position_key=asked.position_key)
        self._sandbox.act(asked.lane, command, self._sandbox.now())
        return self._sandbox.positions(asked.lane, asked.account)

    def open_account(self, query: dict[str, str], body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=AccountRequest)
        self._sandbox.act(asked.lane, c.OpenAccount(account=asked.account, opening=asked.opening), self._sandbox.now())
        return self._sandbox.positions(asked.lane, asked.account)

    def chain(self, query: dict[str, str], body: bytes) -> ChainView:
        now = self._sandbox.settle_everything()
        return chain_view(self._sandbox.chain(query["lane"]), now)

    def change_chain(self, query: dict[str, str], body: bytes) -> ChainView:
        asked = msgspec.json.decode(body, type=dict[str, Any])
        lane = str(asked.pop("lane"))
        self._sandbox.act(lane, msgspec.convert(asked, c.ChangeChain), self._sandbox.now())
        return self.chain({"lane": lane}, b"")


def _books(lane: Exchange | Chain, account: Any, now: datetime) -> AccountBooks:
    shown = account.shown if isinstance(account, WalletAccount) else None
    return AccountBooks(
        lane=lane.lane,
        venue=lane.settings.venue if isinstance(lane, Exchange) else "wallet",
        account=account.name,
        opened_at=account.opened_at,
        as_of=now,
        sequence=account.sequence,
        opening=account.opening,
        balances={key: amount for key, amount in account.balances.items() if amount},
        ledger=account.ledger,
        drifts=account.drifts,
        orders=order_views(account) if isinstance(account, ExchangeAccount) else [],
        transfers=lane.transfers.views(account.name, now) if isinstance(lane, Exchange) else [],
        transactions=list(account.transactions.values()) if isinstance(account, WalletAccount) else [],
        pending=sent_views(lane, account.name) if isinstance(lane, Chain) else [],
        nonce=account.nonce if isinstance(account, WalletAccount) else None,
        final_sequence=account.sequence if shown is None else shown.sequence,
    )
