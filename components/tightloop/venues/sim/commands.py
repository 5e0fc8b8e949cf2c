"""What can change the books: data only. A command with its time is one line of the log; the books are their fold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tightloop.records.types import AmountRule, Market, OrderType, PreparedTransaction, Side, TimeInForce

Moment = Annotated[datetime, msgspec.Meta(tz=True)]  # aware; a naive time is refused where it comes in


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks and why: what a judge of the request log needs."""

    account: str
    strategy_id: str = ""
    instruction_id: str = ""
    loop_no: int = 0
    attempt: int = 1


class PlaceOrder(Intent, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="order"):
    """``timestamp`` is the signed time; ``decided_at`` the decision's, from which the market price is taken.

    Exactly one of ``amount`` (base units) and ``quote_amount``. With ``max_slippage_bps`` a market order is an IOC
    limit that far from ``reference_price`` (None: from the market's price).
    """

    client_order_id: str
    market: Market
    symbol: str
    side: Side
    order_type: OrderType
    timestamp: Moment
    decided_at: Moment
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    reference_price: Decimal | None = None
    max_slippage_bps: Decimal | None = None


class CancelWorking(Intent, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel"):
    client_order_id: str
    timestamp: Moment


class ChangeWorking(Intent, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="change"):
    """A working limit order gets another amount (of the whole order) and another price."""

    client_order_id: str
    amount: Decimal
    price: Decimal
    timestamp: Moment


class MoveFunds(Intent, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="transfer"):
    """A transfer out of an exchange (``address``, ``network``), or between the wallets of an account (``destination``).

    ``source``, ``destination``: ``spot`` or ``perp``; ``funding``, where there is such an account. ``timestamp``: the
    signed time.
    """

    client_order_id: str
    asset: str
    amount: Decimal
    timestamp: Moment
    source: Literal["spot", "perp", "funding"] = "spot"
    destination: Literal["spot", "perp", "funding"] | None = None
    address: str | None = None
    network: str | None = None


class ChainAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a transaction; the fields mean what they mean in the record ``Action``."""

    protocol: str
    operation: str
    token_in: str | None = None
    token_out: str | None = None
    amount: Decimal | None = None
    amount_rule: AmountRule = "number"
    min_amount_out: Decimal | None = None
    max_slippage_bps: Decimal | None = None
    parameters: dict[str, str] = {}


class Broadcast(Intent, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="transaction"):
    """A signed transaction. ``client_order_id`` is the intent's, for the ledger; no chain would be told it."""

    client_order_id: str
    transaction: PreparedTransaction
    timestamp: Moment | None = None


class OpenAccount(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="open"):
    """The first touch. ``opening`` by position key; None: what the lane's settings give everyone."""

    account: str
    opening: dict[str, Decimal] | None = None


class Drift(Struct, frozen=True, kw_only=True, tag_field="op", tag="drift"):
    """A balance changes and no ledger entry says so: what must be found by comparing."""

    account: str
    position_key: str
    amount: Decimal


class Deposit(Struct, frozen=True, kw_only=True, tag_field="op", tag="deposit"):
    """Something arrives from elsewhere, and the ledger says so. ``reference``: the transaction, or the sender's id."""

    account: str
    position_key: str
    amount: Decimal
    reference: str


class GiveBack(Struct, frozen=True, kw_only=True, tag_field="op", tag="give_back"):
    """The money of a withdrawal that could not be sent comes back."""

    account: str
    client_order_id: str


class SetFees(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="fees"):
    """What an account pays on a market from now on: rates of its own, as fractions, below zero a rebate; in the
    exchange's own coin or not. What is None stays as it is.
    """

    account: str
    market: Market
    maker: Decimal | None = None
    taker: Decimal | None = None
    in_coin: bool | None = None


class SetPositionMode(Struct, frozen=True, kw_only=True, tag_field="op", tag="position_mode"):
    """Hedge mode (a long and a short side of each perpetual), or one-way. Nothing is traded here in hedge mode."""

    account: str
    hedged: bool


class FillWorking(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op", tag="fill"):
    """The operator of the sandbox fills a working order: all of it, or ``amount``."""

    account: str
    client_order_id: str
    amount: Decimal | None = None
    price: Decimal | None = None


class Liquidate(Struct, frozen=True, kw_only=True, tag_field="op", tag="liquidate"):
    """The operator of the sandbox has a debt liquidated, however sound it is. ``position_key``: the debt's."""

    account: str
    position_key: str


class AdvanceMarket(Struct, frozen=True, kw_only=True, tag_field="op", tag="advance"):
    """The market clock (funding, interest, resting orders) jumps ahead of the wall clock, for every lane."""

    microseconds: int


class ChangeChain(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="op", tag="chain"
):
    """What the operator of the sandbox does to a chain: all that is given, in the order of the fields.

    ``base_fee``: of all blocks from now on, native units per gas; null: the market's gas price. ``block_time_s``: a
    block that often; null: none by time. ``drop``: the hash of what the mempool forgets; ``drop_account``: whose
    transactions it forgets. ``reorg``: how many blocks are replaced; their transactions go back to the mempool, or
    nowhere (``lose``). ``mine``: so many blocks.
    """

    base_fee: Decimal | UnsetType | None = UNSET
    automine: bool | None = None
    block_time_s: Annotated[float, msgspec.Meta(gt=0)] | UnsetType | None = UNSET
    drop: str | None = None
    drop_account: str | None = None
    reorg: Annotated[int, msgspec.Meta(ge=0)] = 0
    lose: bool = False
    mine: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0


Acting = PlaceOrder | CancelWorking | ChangeWorking | Broadcast | MoveFunds
ACTING = (PlaceOrder, CancelWorking, ChangeWorking, Broadcast, MoveFunds)
Operating = SetFees | SetPositionMode | FillWorking | Liquidate | AdvanceMarket | ChangeChain
Command = Acting | OpenAccount | Drift | Deposit | GiveBack | Operating


class Effect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a fault does to the engine's handling of one request; the other faults happen around the engine.

    ``fill``: the fraction filled at once; ``rest``: what becomes of the rest: ``later`` (``parts`` of equal size, one
    every ``every_s`` seconds), ``work`` (open until cancelled) or ``cancel``.
    """

    reject: str | None = None  # the venue's error code
    message: str = ""
    as_order: bool = False  # reject after an order was made
    revert: bool = False
    pending: bool = False  # a transaction waits for the next block, whatever it pays
    forgotten: bool = False  # a transaction is taken, and the mempool loses it
    fill: Decimal | None = None
    parts: int = 1
    every_s: float = 1.0
    rest: Literal["later", "work", "cancel"] = "later"
    slippage_bps: Decimal = Decimal(0)
    fails: bool = False  # a withdrawal can't be sent: the money comes back
    never_arrives: bool = False  # what was sent is credited nowhere
    arrives_late_s: float = 0.0  # what was sent takes so much longer


class Logged(Struct, frozen=True, array_like=True, gc=False):
    """One line of the log. ``at`` is the engine's time; ``dropped`` says why the engine never saw the command."""

    at: datetime
    arrived: datetime
    lane: str
    command: Command
    effect: Effect | None = None
    fault: str | None = None
    dropped: str | None = None
    late_us: int = 0


encode_logged = msgspec.json.Encoder().encode
decode_logged = msgspec.json.Decoder(Logged).decode
