"""What differs between exchanges that move money, and the words in which each tells of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import Struct

from tightloop.domain import money
from tightloop.records.types import PreparedTransfer
from tightloop.venues.adapter import Gate
from tightloop.venues.live.verdicts import Verdicts


class Network(Struct, frozen=True, kw_only=True):
    """How an asset comes and goes on one network. ``name``: its chain's, as lanes are called, where that is known;
    ``id``: the exchange's. ``tagged``: an address alone does not do there. Amounts in units of the asset;
    ``fee_share``: what is taken besides of an amount, as a fraction.
    """

    name: str
    id: str
    usual: bool
    sends: bool
    takes: bool
    tagged: bool
    fee: Decimal
    step: Decimal
    least_withdrawal: Decimal
    most_withdrawal: Decimal
    least_deposit: Decimal
    fee_share: Decimal = money.ZERO


class Moved(Struct, frozen=True, kw_only=True):
    """A transfer as the exchange shows it. ``sent``: what left the source, without the fee; ``over_at``: when what
    could not be sent was given back.
    """

    id: str
    status: Literal["open", "filled", "reverted", "rejected"]
    at: datetime
    sent: Decimal
    fee: Decimal = money.ZERO
    tx_hash: str | None = None
    over_at: datetime | None = None
    message: str | None = None
    raw: str = ""


class Deposited(Struct, frozen=True, kw_only=True):
    """What arrived where it can be traded: in the spot wallet, or in the only one."""

    id: str
    asset: str
    amount: Decimal
    at: datetime


def deposit_row(rows: Iterable[Mapping[str, Any]], field: str, reference: str) -> Mapping[str, Any] | None:
    """That of the deposit with this transaction, in whatever letters; None: there is none. Raises ValueError for
    several. ``field``: what the exchange calls it.
    """
    found = [one for one in rows if one[field].lower() == reference.lower()]
    if len(found) > 1:
        raise ValueError(f"{len(found)} deposits came with {reference}")
    return found[0] if found else None


class Between(Protocol):
    """What moves between an account's own wallets, where it has several. Raises as :class:`Transfers` does."""

    async def margins(self) -> Collection[str]:
        """The assets that the perpetuals' wallet takes as margin."""

    async def move(self, what: PreparedTransfer, gate: Gate) -> str:
        """Asks for it once; the exchange's id of it."""

    async def movements(self, what: PreparedTransfer, since: datetime, until: datetime) -> Sequence[Moved]:
        """All between the same wallets of the same asset and amount."""


class Transfers(Protocol):
    """What withdraws, and takes deposits. Everything that asks raises NotLeft, Broken, Said; what acts GateShut as
    well; ValueError for what can't be told for certain.

    ``between``: None, where there is one wallet. ``fee_on_top``: does a withdrawal's fee come on top of its amount, or
    out of it? ``named``: do its histories show our id of a withdrawal? ``taken_for_s``: for how long a request is
    taken after it was signed; None: for the lane's acceptance window.
    """

    verdicts: Verdicts
    between: Between | None
    fee_on_top: bool
    named: bool
    taken_for_s: float | None

    def key(self, wallet: str, asset: str) -> str:
        """The position key of what lies in ``spot`` or ``perp``."""

    async def time(self) -> datetime:
        """The exchange's own, in UTC."""

    async def networks(self, asset: str) -> Sequence[Network]:
        """None for an asset that it does not move."""

    async def withdraw(self, client_order_id: str, what: PreparedTransfer, gate: Gate) -> str:
        """Asks for it once; the exchange's id of it."""

    async def withdrawals(
        self, client_order_id: str, what: PreparedTransfer, since: datetime, until: datetime, known_id: str | None
    ) -> Sequence[Moved]:
        """Those with that id of ours. Where they show none: the one with ``known_id``, the exchange's; without it all
        of that asset to that address. Raises ValueError for one that is something else than ``what``.
        """

    async def deposited(self, reference: str) -> Deposited | None:
        """None: it has not arrived, or not for good. Raises ValueError for one that arrived elsewhere."""

    async def address(self, asset: str, network: Network) -> str | None:
        """None: it needs a tag besides, without which nothing arrives."""
