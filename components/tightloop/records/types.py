"""The records, made from ``schemas/`` by ``python -m tightloop.records.generate``: nothing here is edited.

Amounts are ``Decimal``; times are aware, UTC, to the microsecond; lists are tuples. Every enum has ``"UNKNOWN"``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

# How an action's amount is meant: `number` (it is given), `all` (everything there is), `previous_output` (what the
# action before it put out). `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
AmountRule = Literal["number", "all", "previous_output", "UNKNOWN"]

# What kind of answer a call had. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
AnswerKind = Literal[
    "prepared",
    "order_found",
    "not_found",
    "refused",
    "not_sent",
    "gate_closed",
    "ambiguous",
    "unavailable",
    "ledger",
    "positions",
    "prices",
    "UNKNOWN",
]

# What kind of market a trade is on: `spot`, or `perp` (a perpetual future). `UNKNOWN`: a symbol this reader does
# not have; nothing acts on it.
Market = Literal["spot", "perp", "UNKNOWN"]

# `market` takes what is there; `limit` names its worst price. `UNKNOWN`: a symbol this reader does not have;
# nothing acts on it.
OrderType = Literal["market", "limit", "UNKNOWN"]

# Which way a trade goes, seen from the account. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
Side = Literal["buy", "sell", "UNKNOWN"]

# How long an order stands: `GTC` until cancelled, `IOC` what fills at once, `FOK` all at once or nothing, `PO`
# post-only: never takes. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
TimeInForce = Literal["GTC", "IOC", "FOK", "PO", "UNKNOWN"]

# What an operator wants. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
Command = Literal["halt", "resume", "adjust", "resolve", "cancel", "adopt", "UNKNOWN"]

# How it ended at the venue. `none`: nothing was submitted; `rolled_back`: an atomic chain undid itself; `unknown`:
# the venue gave no evidence in time. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
Outcome = Literal["none", "filled", "partially_filled", "rejected", "cancelled", "rolled_back", "unknown", "UNKNOWN"]

# Whom a command is for: one `key` (strategy), one `venue`, or `all`. `UNKNOWN`: a symbol this reader does not have;
# nothing acts on it.
Scope = Literal["key", "venue", "all", "UNKNOWN"]

# `CRITICAL` stops the component or the key, `HIGH` retries and then halts the key, `MEDIUM` degrades, `LOW` is for
# the record. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"]

# What happened to a partition of a component. `fed`: a record; `woken`: moments came that it had asked for;
# `answered`: a venue's answer came; `restored`: it was started on the state it had committed. `UNKNOWN`: a symbol
# this reader does not have; nothing acts on it.
EventKind = Literal["fed", "woken", "answered", "restored", "UNKNOWN"]

# Whether a trade stood in the book before (`maker`) or took from it (`taker`). `UNKNOWN`: a symbol this reader does
# not have; nothing acts on it.
Liquidity = Literal["maker", "taker", "UNKNOWN"]

# What a loop is for: `execute` an instruction, `refresh` an idle account, `verify` positions, `adopt` an account,
# `cancel` what another loop works on. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
LoopKind = Literal["execute", "refresh", "verify", "adopt", "cancel", "UNKNOWN"]

# `working`: one venue trade of a loop still going on; `final`: the last report of a loop, exactly one; `accrual`:
# one ledger entry that no order caused; `correction`: what an ended loop turned out to have done. `UNKNOWN`: a
# symbol this reader does not have; nothing acts on it.
ReportKind = Literal["working", "final", "accrual", "correction", "UNKNOWN"]

# What a group does when a leg fails: `halt` its strategy, or `cancel_rest` of its legs. `UNKNOWN`: a symbol this
# reader does not have; nothing acts on it.
OnFailure = Literal["halt", "cancel_rest", "UNKNOWN"]

# When a transfer frees its strategy: `on_arrival` at the destination, or `on_debit` at the source. `UNKNOWN`: a
# symbol this reader does not have; nothing acts on it.
Release = Literal["on_arrival", "on_debit", "UNKNOWN"]

# What a frame of an engine's journal says. `opened`: whose journal it is; `published`: a record came from outside;
# `committed`: what a component did, all of it or nothing; `ends`: how far topics had come; `told`: subscribers were
# given everything so far. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
FrameKind = Literal["opened", "published", "committed", "ends", "told", "UNKNOWN"]

# How an instruction ended. `reconciled`: its loop ended matched, whatever the outcome. `refused`, `expired`,
# `cancelled`: nothing was submitted. `halted`: its own loop ended in a halt. `UNKNOWN`: a symbol this reader does
# not have; nothing acts on it.
InstructionStatus = Literal["reconciled", "refused", "expired", "cancelled", "halted", "UNKNOWN"]

# Where an intent stands. `preparing`: what will be sent is not known yet; `journalled`: written, not known to have
# left; `sent`: a call left and its answer is not known; `working`: the venue has it and it is not finished;
# `settling`: the venue has told how it ended, and the account's ledger is still to be read; `unknown`: its loop has
# ended and it is still watched: it ended without evidence, or its transfer is under way. `UNKNOWN`: a symbol this
# reader does not have; nothing acts on it.
JournalStatus = Literal["preparing", "journalled", "sent", "working", "settling", "unknown", "UNKNOWN"]

# Why a submission was prepared. `first`: the instruction itself; `bump`: the same transaction with higher fees;
# `cancel`: an empty transaction that takes its nonce. `UNKNOWN`: a symbol this reader does not have; nothing acts
# on it.
SubmissionKind = Literal["first", "bump", "cancel", "UNKNOWN"]

# What was verified: a `loop` that executed an instruction, or a `refresh`, `verify` or `adopt`. `UNKNOWN`: a symbol
# this reader does not have; nothing acts on it.
ReconciliationKind = Literal["loop", "refresh", "verify", "adopt", "UNKNOWN"]

# `matched`; `mismatched`: a check failed; `unavailable`: the positions could not be read; `timeout`: not read in
# time. `UNKNOWN`: a symbol this reader does not have; nothing acts on it.
ReconciliationStatus = Literal["matched", "mismatched", "unavailable", "timeout", "UNKNOWN"]


class AccountCursor(Struct, frozen=True, kw_only=True, gc=False):
    """How far an account's ledger at its venue is reported."""

    # The venue asked.
    venue: str
    # The account.
    account: str
    # The venue's cursor, opaque.
    cursor: str
    # The wallet's next nonce is not below this (chains); null: not known.
    next_nonce: int | None = None
    # References of transfers into the account whose arrival another loop tells of: no accrual.
    told: tuple[str, ...] = ()


class AccountMark(Struct, frozen=True, kw_only=True, gc=False):
    """How far an account was acted on: a snapshot that verifies it must not be older."""

    # The lane that acts on it.
    lane: str
    # The venue asked for its positions.
    venue: str
    # The account's name.
    account: str
    # The venue's running number of the last event applied, within the account.
    venue_sequence: int | None = None
    # The last block with something applied.
    block_number: int | None = None
    # The venue's time of the last event applied (UTC).
    venue_time: datetime | None = None


class AccountRef(Struct, frozen=True, kw_only=True, gc=False):
    """An account on a lane."""

    # The lane that acts on it.
    lane: str
    # The venue whose account it is.
    venue: str
    # The account's name.
    account: str


class Action(Struct, frozen=True, kw_only=True, gc=False):
    """One step on one protocol. Tokens are named by symbol and identified by chain and address in a token list."""

    # `uniswap`, `curve`, `aave`, `morpho`, ...
    protocol: str
    # `swap`, `supply`, `withdraw`, `borrow`, `repay`, ...
    operation: str
    # Symbol of the token that is given: what is sold, supplied or repaid.
    token_in: str | None = None
    # Symbol of the token that is got: what is bought, withdrawn or borrowed.
    token_out: str | None = None
    # How much, in units of the token given, or of the token got where none is given. Only with the rule `number`.
    amount: Decimal | None = None
    # Instead of `amount`, for what is finer than 18 places: an integer as text, in the unit `amount_unit` names.
    amount_text: str | None = None
    # The unit of `amount_text`: `wei`, `shares`, `ray`, ...
    amount_unit: str | None = None
    # How the amount is meant.
    amount_rule: AmountRule = "number"
    # The least that must come out, in units of the token got; with less the action fails.
    min_amount_out: Decimal | None = None
    # How far below the quoted price it may come out, in basis points.
    max_slippage_bps: Decimal | None = None
    # What only this protocol knows: a pool's fee tier, a market's id, a rate mode. Values are text.
    parameters: dict[str, str] = field(default_factory=dict)


class AppliedCommands(Struct, frozen=True, kw_only=True, gc=False):
    """The latest `adjust` commands answered, so that each is answered once: the position update handler's state
    in the topic `positions`. At most one per key.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # Their ids, oldest first.
    command_ids: tuple[str, ...] = ()
    # A hash of each one's content, in the same order.
    digests: tuple[str, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class Cancel(Struct, frozen=True, kw_only=True, gc=False):
    """Cancels an instruction or a group: one that is queued, or an order that works. Handled ahead of the queue.
    Exactly one target is given.
    """

    # The instruction to cancel, of the same strategy.
    instruction_id: str | None = None
    # The group to cancel, of the same strategy.
    group_id: str | None = None


class CexTrade(Struct, frozen=True, kw_only=True, gc=False):
    """A trade on an exchange, spot or perpetual. Leverage, margin mode and position mode are configuration, not
    part of it.
    """

    # `spot` or `perp`.
    market: Market
    # The market's unified symbol: `BTC/USDT` (spot), `BTC/USDT:USDT` (perpetual, after the colon what it settles in).
    symbol: str
    # `buy` or `sell`.
    side: Side
    # `market` or `limit`.
    order_type: OrderType
    # How much, in base units, never contracts. Exactly one of `amount` and `quote_amount` is given.
    amount: Decimal | None = None
    # How much, in quote units. Market orders only.
    quote_amount: Decimal | None = None
    # The limit, in quote per base. Limit orders only, and then required.
    price: Decimal | None = None
    # How long a limit order stands. Without a meaning for market orders, beyond that `PO` is refused there.
    time_in_force: TimeInForce = "GTC"
    # Perpetuals: may only reduce the position.
    reduce_only: bool = False
    # The price the strategy decided on, in quote per base: what slippage is measured from.
    reference_price: Decimal | None = None
    # How far from the reference price a market order may fill, in basis points; it is then sent as an IOC limit.
    max_slippage_bps: Decimal | None = None
    # What is not filled this many milliseconds after the dispatch is cancelled; what did fill counts.
    timeout_ms: int | None = None


class Check(Struct, frozen=True, kw_only=True, gc=False):
    """One position compared."""

    # `venue[@account]:type:symbol`.
    position_key: str
    # What we expect to be held, in units of the asset.
    expected: Decimal
    # What the venue says is held.
    actual: Decimal
    # `actual` minus `expected`.
    difference: Decimal
    # The largest difference that passes, either way.
    tolerance: Decimal
    # True: the difference is within the tolerance.
    passed: bool
    # Of a check that failed, why: `REC-002` differs, `REC-004` unknown, `REC-008` held but not expected, `REC-014`
    # tolerated differences have added up.
    code: str | None = None


class Delta(Struct, frozen=True, kw_only=True, gc=False):
    """A change of one position. A list of deltas is complete: what is bought, what pays for it, every fee in the
    asset in which it was taken, gas in the native asset.
    """

    # `venue[@account]:type:symbol`, split at the first two colons; no account means the strategy's default one there.
    position_key: str
    # How much the position changed: positive is more, negative is less. In units of the asset; for a derivative in base
    # units, signed.
    amount: Decimal
    # Why: `trade`, `transfer`, `funding`, `interest`, `reward`, `fee`, `gas`, `adjustment`, `initial` or `correction`.
    source: str


class ControlCommand(Struct, frozen=True, kw_only=True, gc=False):
    """What an operator orders: the value of the topic `control`. Who may write it is decided by the topic's ACL."""

    # The command's id: the same id again changes nothing.
    command_id: str
    # The strategy it is for; null with the scopes `venue` and `all`.
    strategy_id: str | None = None
    # What is wanted.
    command: Command
    # Whom it is for.
    scope: Scope = "key"
    # The venue, with the scope `venue`; of an `adjust` or `adopt`, the venue of the account.
    venue: str | None = None
    # The account an `adjust`, `adopt` or `resolve` is about; null: the strategy's default one.
    account: str | None = None
    # Of a `halt`: also cancel what works.
    cancel_working: bool = False
    # Of a `resume`: the halts it clears. It is refused when they are not those that stand.
    expected_halt_ids: tuple[str, ...] = ()
    # Of an `adjust` or `adopt`: the version it was decided on. It is refused when that is not the current one.
    expected_position_version: int | None = None
    # Of a `cancel` or `resolve`: the instruction; of a `cancel` also a group.
    target_id: str | None = None
    # Of a `resume`: free the key although its positions were not verified.
    accept_unverified: bool = False
    # Of an `adjust` or `resolve`: what to apply.
    deltas: tuple[Delta, ...] = ()
    # Of a `resolve`: how the intent ended.
    outcome: Outcome | None = None
    # Of a `resolve`: what it filled in all, in base units.
    filled_amount: Decimal | None = None
    # Who ordered it. Not trusted: the topic's ACL is.
    actor: str
    # Why, for those who read it later.
    reason: str
    # When it was ordered (UTC).
    issued_at: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime | None = None
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class CountedDeposit(Struct, frozen=True, kw_only=True, gc=False):
    """A deposit that a loop has reported as an accrual: an executor's state in the topic `execution_journal`.
    Should it turn out to be the arrival of a transfer, that report is taken back. At most 256 per key, the
    latest.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # What the venue knows the deposit by: a transfer's arrival is found by the same.
    reference: str
    # The report that told of it.
    report_id: str
    # The line of the venue's ledger.
    entry_id: str
    # What it added to the positions.
    deltas: tuple[Delta, ...]
    # When it came, by the venue's clock (UTC).
    event_time: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class ErrorInfo(Struct, frozen=True, kw_only=True, gc=False):
    """What went wrong, as it travels on other records."""

    # A code of the catalogue, such as `EXI-006` (`tightloop errors CODE` explains it).
    code: str
    # What was wrong in this case, for a person. Never holds a secret.
    message: str
    # How bad it is.
    severity: Severity


class Header(Struct, frozen=True, kw_only=True, gc=False):
    """One header of a Kafka record, as it stood there."""

    # Its name; names may repeat.
    name: str
    # Its bytes; null where it had none.
    value: bytes | None = None


class DeadLetter(Struct, frozen=True, kw_only=True, gc=False):
    """A record that could not be processed, byte for byte: the value of the topic `dead_letters`."""

    # The key it came under, where that can be told.
    strategy_id: str | None = None
    # The topic it came from.
    topic: str
    # Its partition there.
    partition: int
    # Its offset there.
    offset: int
    # Its key, as bytes; null where it had none.
    key: bytes | None = None
    # Its value, as bytes; null where it had none.
    value: bytes | None = None
    # Its headers, in order.
    headers: tuple[Header, ...] = ()
    # Which of `headers`, `value` and `key` are not here although the record has them, because the letter would have
    # been too large: they are at its offset for as long as its topic keeps them.
    left_out: tuple[str, ...] = ()
    # Why it could not be processed.
    error: ErrorInfo
    # Which component could not process it.
    component: str
    # True: its key is halted because of it.
    halts: bool
    # When (UTC).
    failed_at: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class EndedGroup(Struct, frozen=True, kw_only=True, gc=False):
    """A group that is over, so that a leg that comes later is refused: the interface manager's state in the topic
    `loop_state`.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The group.
    group_id: str
    # How it ended, for a person.
    why: str
    # When it ended (UTC).
    ended_at: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class Fee(Struct, frozen=True, kw_only=True, gc=False):
    """What was charged. It explains a part of the deltas, where the same amount stands with the other sign, and
    is never applied by itself.
    """

    # The position it was taken from: `venue[@account]:type:symbol`.
    position_key: str
    # How much was charged, in units of the asset: positive is a cost, negative a rebate.
    amount: Decimal
    # What for: `trading`, `gas`, `withdrawal`, `borrow`, ...
    kind: str


class TransferMark(Struct, frozen=True, kw_only=True, gc=False):
    """A transfer between accounts of one strategy, as it is known by what it is found at its destination."""

    # The hash of its transaction, or its id at the source.
    reference: str
    # The account it goes to.
    destination: AccountRef


class ExecutionReport(Struct, frozen=True, kw_only=True, gc=False):
    """What happened at a venue: the value of the topic `fills`. Incremental: it holds only what no earlier report
    of its loop held. A correction holds the difference.
    """

    # Deterministic: the same event always gives the same id.
    report_id: str
    # Gapless within the loop, from 1.
    report_no: int
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The instruction of the loop, if it has one.
    instruction_id: str | None = None
    # The loop it belongs to.
    loop_no: int
    # What the loop is for.
    loop_kind: LoopKind
    # What kind of report this is.
    kind: ReportKind
    # Of a final report or a correction: how the instruction ended. Of the others: so far.
    outcome: Outcome
    # The lane whose executor reports.
    lane: str
    # Where it happened.
    venue: str
    # The account it happened to.
    account: str
    # Which intent of the loop, from 1; null where there was none.
    attempt: int | None = None
    # The market traded, as a unified symbol.
    symbol: str | None = None
    # Which way.
    side: Side | None = None
    # How much was traded or moved, in base units.
    amount: Decimal = Decimal(0)
    # What that was worth, in quote units, exact and without fees; the price is derived.
    cost: Decimal | None = None
    # What of the order is not filled, in base units.
    remaining: Decimal | None = None
    # Maker or taker.
    liquidity: Liquidity | None = None
    # Every change of a position, complete.
    deltas: tuple[Delta, ...] = ()
    # Explains parts of `deltas`; never applied.
    fees: tuple[Fee, ...] = ()
    # Profit realised, in the settlement asset; explains a part of `deltas`, never applied.
    realised_pnl: Decimal | None = None
    # The instruction's group.
    group_id: str | None = None
    # The venue's id of the order.
    venue_order_id: str | None = None
    # Our id of the order: a hash of environment, strategy, account, instruction and attempt.
    client_order_id: str | None = None
    # The venue's ids of the trades reported.
    venue_trade_ids: tuple[str, ...] = ()
    # The venue's id of the ledger entry reported, for instance of a funding payment.
    venue_entry_id: str | None = None
    # The transaction, `0x` and 64 hex digits.
    tx_hash: str | None = None
    # The chain's id by EIP-155.
    chain_id: int | None = None
    # The block it is in.
    block_number: int | None = None
    # That block's hash.
    block_hash: str | None = None
    # The venue's own running number of the event, within the account.
    venue_sequence: int | None = None
    # How far the account's ledger at the venue is reported, this report included.
    account_cursor: str | None = None
    # Gas units spent.
    gas_used: int | None = None
    # What a unit of gas cost, in the native asset.
    effective_gas_price: Decimal | None = None
    # Of a correction: the report it corrects. Of an accrual: the earlier accrual that it takes back, as the same
    # deposit is the arrival of a transfer, whose own loop tells of it.
    corrects_report_id: str | None = None
    # Of a correction: `evidence`, or the id of the operator's command.
    resolved_by: str | None = None
    # When it happened, by the venue's clock (UTC).
    event_time: datetime
    # When we saw it (UTC).
    observed_at: datetime
    # True: the account is of a simulated lane.
    simulated: bool = False
    # What went wrong, if something did.
    error: ErrorInfo | None = None
    # Of a transfer between accounts of the strategy that has left its source: its arrival is told by this loop.
    transfer: TransferMark | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class SmartContractAction(Struct, frozen=True, kw_only=True, gc=False):
    """One or several actions on a chain."""

    # The chain's id by EIP-155: 1 is Ethereum.
    chain_id: int
    # True: one transaction for the whole chain of actions; every one happens, or none.
    atomic: bool = False
    # The chain itself refuses the transaction after this time (UTC).
    deadline: datetime | None = None
    # The most that may be spent on gas, in the native asset.
    max_fee: Decimal | None = None
    # The steps, in order; at least one.
    actions: tuple[Action, ...] = ()


class WalletTransfer(Struct, frozen=True, kw_only=True, gc=False):
    """Moves an asset between a venue account and a wallet, or between venue accounts."""

    # Where from: `wallet`, or a venue account such as `binance:spot`.
    source: str
    # Where to: `wallet`, a venue account such as `binance:spot`, or an address from the allowlist.
    destination: str
    # Symbol of the asset.
    asset: str
    # How much, in units of the asset.
    amount: Decimal
    # The network of a deposit or withdrawal, by the venue's name; null: the asset's usual one.
    network: str | None = None
    # When the strategy may go on.
    release: Release = "on_arrival"


class Instruction(Struct, frozen=True, kw_only=True, gc=False):
    """What a strategy wants done: the value of the topic `instructions`. Exactly one payload is given, the one
    that `type` names.
    """

    # Idempotency key within the strategy: the same id with the same content again changes nothing. Letters, digits,
    # `.`, `_`, `-`, `:`; at most 200.
    instruction_id: str
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # `cex_trade`, `smart_contract_action`, `wallet_transfer` or `cancel`.
    type: str
    # Where: `binance`, `bybit`, `okx`, `uniswap`, `curve`, `aave`, `morpho`, `wallet` (`alchemy` means `wallet`).
    venue: str
    # The sub-account or wallet; null: the strategy's default one at the venue.
    account: str | None = None
    # When the strategy decided (UTC). Simulated venues take their prices from this time.
    created_at: datetime
    # Nothing is submitted after this time (UTC). Null: 30 s after `created_at` for market orders, 1 h for everything
    # else; at most 366 days after it.
    expires_at: datetime | None = None
    # Strictly increasing within the strategy, from 0 to 2^53 - 1; makes idempotency hold for ever. What is refused as
    # impossible leaves its number to another.
    sequence: int | None = None
    # The group this is a leg of.
    group_id: str | None = None
    # Which leg of the group, from 0.
    group_index: int | None = None
    # How many legs the group has.
    group_size: int | None = None
    # What the group does when this leg fails; null: `halt`.
    on_failure: OnFailure | None = None
    # True: this leg takes the fraction that the group's first leg filled.
    scale_to_filled: bool | None = None
    # What the strategy expects to happen, whole: every position that changes, beside charges, what accrues, and the
    # margin wallet. Compared with what did; beyond the slippage bound the key halts (EIM-003). Empty: nothing is
    # compared.
    expected_deltas: tuple[Delta, ...] = ()
    # The strategy's own notes. Carried along, never read.
    metadata: dict[str, str] = field(default_factory=dict)
    # The payload of type `cex_trade`.
    cex_trade: CexTrade | None = None
    # The payload of type `smart_contract_action`.
    smart_contract_action: SmartContractAction | None = None
    # The payload of type `wallet_transfer`.
    wallet_transfer: WalletTransfer | None = None
    # The payload of type `cancel`.
    cancel: Cancel | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime | None = None
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class RoutedInstruction(Struct, frozen=True, kw_only=True, gc=False):
    """One loop, from the interface manager to the executor of a lane: the value of the topics `instructions.<lane>`."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The loop's number: gapless per strategy, from 1. A cancel has the number of the loop it is for.
    loop_no: int
    # What the loop is for.
    kind: LoopKind
    # What signs: an exchange or a chain.
    lane: str
    # The venue acted on; for a loop without instruction, the venue whose account it is about.
    venue: str
    # The account acted on, never left out.
    account: str
    # The instruction. Null for loops that the system starts by itself: `refresh`, `verify`, `adopt`, and an operator's
    # `cancel`.
    instruction: Instruction | None = None
    # 1 for every submission of the same intent; higher only for a further order that is really meant.
    attempt: int = 1
    # The price that limits were checked against, in quote per base.
    reference_price: Decimal | None = None
    # When the manager dispatched it (UTC).
    dispatched_at: datetime
    # No submission, resubmission or fee bump later than this (UTC): the instruction's expiry.
    not_after: datetime
    # Of a `cancel`: the loop whose order is to be cancelled.
    target_loop_no: int | None = None
    # References of transfers into the account whose arrival their own loop tells of: the executor reports none of them
    # as an accrual.
    told: tuple[str, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class LedgerLoop(Struct, frozen=True, kw_only=True, gc=False):
    """A loop that reads an account instead of executing: `refresh`, `verify` or `adopt`."""

    # The loop as it was dispatched.
    routed: RoutedInstruction
    # When it ends without having read the venue (UTC).
    give_up_at: datetime
    # How many reads failed.
    tries: int = 0
    # When to read again (UTC).
    retry_at: datetime | None = None
    # The client order ids of unresolved intents that are asked about first.
    open_questions: tuple[str, ...] = ()
    # The latest report of the loop.
    report_ids: tuple[str, ...] = ()
    # The number of the next report.
    next_report_no: int = 1


class ExecutorHead(Struct, frozen=True, kw_only=True, gc=False):
    """Where a key stands at an executor: its state in the topic `execution_journal`, beside the intents. One per
    key.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The highest loop seen: a record that is not above it is refused.
    last_loop_no: int = 0
    # The accounts acted on.
    accounts: tuple[AccountCursor, ...] = ()
    # The loop under way that executes nothing.
    reading: LedgerLoop | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class ExpectedPosition(Struct, frozen=True, kw_only=True, gc=False):
    """How much of a position is expected to be held: the position update handler's state in the topic
    `positions`. One per position that is not zero.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # `venue[@account]:type:symbol`.
    position_key: str
    # How much, in units of the asset; for a derivative in base units, signed.
    amount: Decimal
    # The version that last changed it.
    position_version: int
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class FoldedPosition(Struct, frozen=True, kw_only=True, gc=False):
    """How much of a position reconciliation itself expects, and what it has tolerated: its state in the topic
    `reconciliation_state`. One per position that is not zero or has a residual.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # `venue[@account]:type:symbol`.
    position_key: str
    # How much, in units of the asset; for a derivative in base units, signed.
    amount: Decimal
    # The version at which the amount was last taken from the update because the own sum disagreed; deltas of lower
    # versions are contained. 0: never.
    restated_at: int = 0
    # The difference (actual minus expected) that the last match tolerated.
    residual: Decimal = Decimal(0)
    # By how much that difference has moved in all, either way.
    residual_total: Decimal = Decimal(0)
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class GroupLeg(Struct, frozen=True, kw_only=True, gc=False):
    """A leg of a group, as the interface manager knows it."""

    # Which leg, from 0: its `group_index`.
    index: int
    # The leg's instruction.
    instruction_id: str
    # Where it is executed.
    venue: str
    # What it does, for a person, such as `buy BTC/USDT`.
    what: str
    # What the group does when this leg fails; null: `halt`.
    on_failure: OnFailure | None = None
    # True: it takes the fraction that the first leg filled.
    scales: bool = False
    # Of the first leg: the amount ordered, in base units; null where it is ordered in another way.
    ordered: Decimal | None = None
    # How it ended; null: it has not.
    status: InstructionStatus | None = None
    # How it ended at the venue; null: it has not, or nothing was dispatched.
    outcome: Outcome | None = None
    # What it filled, in base units.
    filled_amount: Decimal | None = None


class Halt(Struct, frozen=True, kw_only=True, gc=False):
    """Why a key is stopped. A key holds a set of halts, and nothing is dispatched while one stands."""

    # Deterministic: the same cause always gives the same id, so that it is never counted twice.
    halt_id: str
    # The code of the error that caused it.
    code: str
    # What was wrong, for a person. Never holds a secret.
    message: str
    # How bad it is.
    severity: Severity
    # Whom it stops.
    scope: Scope = "key"
    # The venue it stops, with the scope `venue`.
    venue: str | None = None
    # When it was set (UTC).
    since: datetime
    # Who set it; null: the system.
    actor: str | None = None
    # The record that caused it: a result, a command, or `topic/partition@offset` of a dead letter.
    cause_id: str | None = None


class HeldAmounts(Struct, frozen=True, kw_only=True, gc=False):
    """What an account held when it was last compared with its venue: the interface manager's state in the topic
    `loop_state`, where limits need it.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The account.
    account: AccountRef
    # The version of the expected positions that was compared.
    position_version: int
    # By `venue:type:symbol`, without an account: what the venue showed; what is zero is left out.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class InstructionGroup(Struct, frozen=True, kw_only=True, gc=False):
    """A group that waits for its legs or for the slot, or is under way: the interface manager's state in the
    topic `loop_state`. Its legs lie beside it.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The group.
    group_id: str
    # How many legs it has.
    size: int
    # The legs that came, by index.
    legs: tuple[GroupLeg, ...] = ()
    # When it expires whole, unless it has started (UTC): the earliest expiry of its legs.
    expires_at: datetime
    # Where it is queued; null: legs are missing, or it has started.
    queue_name: str | None = None
    # When its first leg was dispatched (UTC); null: it has not started.
    started_at: datetime | None = None
    # True: it was cancelled while a leg was in flight; no further leg starts.
    cancelled: bool = False
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class InstructionResult(Struct, frozen=True, kw_only=True, gc=False):
    """How an instruction ended: the value of the topic `instruction_results`. Exactly one per instruction id; a
    later correction of an `unknown` is a further record, with `resolves`.
    """

    # The instruction.
    instruction_id: str
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The instruction's type.
    type: str
    # The instruction's venue.
    venue: str
    # The account acted on; null where the instruction was refused before one was found.
    account: str | None = None
    # The instruction's sequence.
    sequence: int | None = None
    # The instruction's group.
    group_id: str | None = None
    # Which leg of the group, from 0.
    group_index: int | None = None
    # How many legs the group has.
    group_size: int | None = None
    # The loop that executed it; null where nothing was dispatched.
    loop_no: int | None = None
    # How it ended.
    status: InstructionStatus
    # True: the account is of a simulated lane. False where none was found for it.
    simulated: bool = False
    # How it ended at the venue; null where nothing was dispatched.
    outcome: Outcome | None = None
    # What was filled, in base units.
    filled_amount: Decimal | None = None
    # Every report of its loop, in order.
    report_ids: tuple[str, ...] = ()
    # The version of the expected positions that its loop ended with.
    position_version: int | None = None
    # The reconciliation result that ended its loop.
    result_id: str | None = None
    # Of a later correction: the report (with outcome `unknown`) that turned out as this record says.
    resolves: str | None = None
    # Why it was refused, halted or rejected.
    error: ErrorInfo | None = None
    # When the manager took the instruction in (UTC).
    received_at: datetime
    # When it was dispatched (UTC).
    dispatched_at: datetime | None = None
    # When it ended (UTC).
    finished_at: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class IntentAudit(Struct, frozen=True, kw_only=True, gc=False):
    """What happened to an intent, one record a step: the value of the topic `execution_audit`. Private."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The lane whose executor acts.
    lane: str
    # Where.
    venue: str
    # The account acted on.
    account: str
    # The instruction of the loop, if it has one.
    instruction_id: str | None = None
    # The loop.
    loop_no: int
    # Which intent of the loop, from 1.
    attempt: int
    # Our id of the order.
    client_order_id: str
    # What happened: `journalled`, `answered`, `refused`, `not_sent`, `gate_closed`, `ambiguous`, `found`, `not_found`,
    # `cancel_requested`, `expired`, `unknown`, `corrected` (more is known, and more is to come), `resolved`,
    # `step_done` (of a chain of actions), `finished`, ...
    event: str
    # Where the intent stands after it.
    status: JournalStatus
    # How many times it was journalled to be sent so far, all submissions together.
    submissions: int = 0
    # The venue's id of the order.
    venue_order_id: str | None = None
    # The wallet's nonce that the intent holds.
    nonce: int | None = None
    # The transaction.
    tx_hash: str | None = None
    # No submission later than this (UTC).
    not_after: datetime | None = None
    # More, for a person. Never holds a secret.
    detail: str | None = None
    # The venue's own words, where they decided something: a refusal, an answer that says neither, what was found.
    # Without secrets, at most 4 KiB.
    answer: str | None = None
    # What went wrong, if something did.
    error: ErrorInfo | None = None
    # When it happened, by our clock (UTC).
    event_time: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class StepProgress(Struct, frozen=True, kw_only=True, gc=False):
    """What the steps of a chain of actions have come to so far, of one whose steps are transactions of their own."""

    # What the last step brought in: what `previous_output` means to the next.
    outputs: tuple[Delta, ...] = ()
    # What all steps have spent on gas, in the native asset.
    gas_spent: Decimal = Decimal(0)


class PreparedOrder(Struct, frozen=True, kw_only=True, gc=False):
    """Exactly the order that an exchange is sent: after rounding to its steps."""

    # `spot` or `perp`.
    market: Market
    # The market's unified symbol.
    symbol: str
    # `buy` or `sell`.
    side: Side
    # `market` or `limit`.
    order_type: OrderType
    # How much, in base units, a multiple of the market's step. Exactly one of `amount` and `quote_amount` is given.
    amount: Decimal | None = None
    # How much, in quote units.
    quote_amount: Decimal | None = None
    # The limit, in quote per base, a multiple of the market's tick.
    price: Decimal | None = None
    # How long a limit order stands.
    time_in_force: TimeInForce = "GTC"
    # Perpetuals: may only reduce the position.
    reduce_only: bool = False
    # What the slippage bound is measured from, in quote per base.
    reference_price: Decimal | None = None
    # How far from the reference price it may fill, in basis points.
    max_slippage_bps: Decimal | None = None
    # What rounding took off the amount, in its units; never below zero.
    rounded_off: Decimal = Decimal(0)


class PreparedTransaction(Struct, frozen=True, kw_only=True, gc=False):
    """Exactly the transaction that a chain is sent, but for its signature: from these fields it can be signed
    again, to the same bytes and hash.
    """

    # The chain, by EIP-155.
    chain_id: int
    # The wallet's nonce that it takes.
    nonce: int
    # The contract or wallet called.
    to: str
    # Native units sent along.
    value: Decimal = Decimal(0)
    # The calldata.
    data: bytes
    # The most gas it may take.
    gas_limit: int
    # The most it pays for a unit of gas, in native units (EIP-1559).
    max_fee_per_gas: Decimal
    # The most of that which goes to the block's producer, in native units (EIP-1559).
    max_priority_fee_per_gas: Decimal
    # What the wallet delegates to, as signed (EIP-7702).
    authorisation: bytes | None = None
    # The hash of all of it, by which the chain shows it.
    tx_hash: str


class PreparedTransfer(Struct, frozen=True, kw_only=True, gc=False):
    """Exactly the transfer that an exchange is asked for: out of it, or between the wallets of one account."""

    # Symbol of the asset.
    asset: str
    # How much leaves the wallet, in units of the asset, the fee apart where it comes on top.
    amount: Decimal
    # The wallet of the account that pays: `spot` or `perp`.
    source: str
    # The wallet of the same account that receives; null: it leaves the exchange.
    destination: str | None = None
    # Where it is sent.
    address: str | None = None
    # The network it is sent on, by its name at the venue.
    network: str | None = None
    # What the venue takes for it, in units of the asset.
    fee: Decimal = Decimal(0)


class Submission(Struct, frozen=True, kw_only=True, gc=False):
    """What an intent was, or is, to be sent as. Siblings of one intent share its client order id; on a chain its
    nonce too, so that one of them acts at most.
    """

    # Which submission of the intent, from 1.
    number: int
    # Why it was prepared.
    kind: SubmissionKind
    # Taken before the transaction that wrote it for its latest sending (UTC).
    journalled_at: datetime
    # How many times it was journalled to be sent.
    sent_count: int = 1
    # The order (exchanges).
    order: PreparedOrder | None = None
    # The transaction (chains).
    transaction: PreparedTransaction | None = None
    # The transfer (exchanges).
    transfer: PreparedTransfer | None = None


class Transit(Struct, frozen=True, kw_only=True, gc=False):
    """A transfer between two accounts of the strategy: what is under way, and what is known of it."""

    # Symbol of the asset.
    asset: str
    # The account it goes to.
    destination: AccountRef
    # The position there that it adds to, in the strategy's own spelling.
    position_key: str
    # What left the source and has not arrived, in units of the asset; null: nothing has left yet.
    amount: Decimal | None = None
    # By what it is found at the destination: the hash of its transaction, or its id at the source; null: not known yet.
    reference: str | None = None
    # When it counts as overdue (UTC); null: the source has not shown it yet.
    arrive_by: datetime | None = None
    # True: it has been told that it is overdue.
    overdue: bool = False


class JournalEntry(Struct, frozen=True, kw_only=True, gc=False):
    """What the executor means to do, written before it does it: its state, one per intent, in the topic
    `execution_journal`. Private.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The account acted on.
    account: str
    # The lane whose executor acts.
    lane: str
    # Where.
    venue: str
    # The instruction.
    instruction_id: str
    # The loop.
    loop_no: int
    # Which intent of the loop, from 1: of a chain of actions that is not atomic each step is one.
    attempt: int
    # Our id of the order: the same for every submission of this intent.
    client_order_id: str
    # The loop as it was dispatched: everything a submission is made from.
    routed: RoutedInstruction
    # The submission that the chain has shown (chains).
    tx_hash: str | None = None
    # Where the intent stands.
    status: JournalStatus
    # Taken before the transaction that wrote the latest submission (UTC): its send window counts from here.
    journalled_at: datetime
    # The same of the first submission (UTC).
    first_journalled_at: datetime
    # All that was journalled to be sent, the latest last: whichever of them the venue shows is the evidence.
    submissions: tuple[Submission, ...] = ()
    # Without evidence by this time (UTC) the loop ends `unknown`.
    evidence_deadline: datetime | None = None
    # When what is left of the order is to be cancelled (UTC).
    cancel_at: datetime | None = None
    # When it is to be replaced by one with higher fees, if it is still pending then (UTC; chains).
    replace_at: datetime | None = None
    # True: it is to be cancelled.
    cancel_requested: bool = False
    # True: the venue has shown it.
    found: bool = False
    # True: a submission may have reached the venue.
    may_have_left: bool = False
    # When to ask or try next (UTC).
    next_try_at: datetime | None = None
    # How many questions or tries failed since the last that did not; the pause grows with it.
    tries: int = 0
    # The venue's ledger entries that are reported.
    reported_entries: tuple[str, ...] = ()
    # The latest report of the loop.
    report_ids: tuple[str, ...] = ()
    # The number of the next report.
    next_report_no: int = 1
    # What is reported as filled, in base units.
    filled_amount: Decimal = Decimal(0)
    # What that was worth, in quote units.
    filled_cost: Decimal = Decimal(0)
    # The venue's id of the order.
    venue_order_id: str | None = None
    # How it ended, once the venue has said so and only the account's ledger is still to be read.
    outcome: Outcome | None = None
    # What went wrong last.
    error: ErrorInfo | None = None
    # Of a transfer to an account of the same strategy: where it stands.
    transit: Transit | None = None
    # Of a chain of actions whose steps are transactions of their own: what they have come to so far.
    progress: StepProgress | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class StateChange(Struct, frozen=True, kw_only=True, gc=False):
    """An entry of a component's keyed state, as it became."""

    # The key it belongs to; empty: the partition's own.
    key: str
    # Its name.
    name: str
    # Its bytes, the schema's id included; null: it is gone.
    value: bytes | None = None


class TopicPlace(Struct, frozen=True, kw_only=True, gc=False):
    """A place on a topic of an engine in process."""

    # The topic, without a prefix.
    topic: str
    # Its partition, from 0.
    partition: int
    # The next offset there.
    offset: int


class TopicRecord(Struct, frozen=True, kw_only=True, gc=False):
    """A record on a topic, or its place there."""

    # The topic, without a prefix.
    topic: str
    # Its partition, from 0.
    partition: int
    # Its offset there.
    offset: int
    # Its key.
    key: bytes | None = None
    # Its bytes, the schema's id included.
    value: bytes | None = None
    # When it was published (UTC).
    appended_at: datetime


class JournalFrame(Struct, frozen=True, kw_only=True, gc=False):
    """One frame of the file that an engine in process keeps as its durable journal. Private."""

    # What it says.
    kind: FrameKind
    # Of `opened`: the environment whose orders it holds.
    environment: str | None = None
    # Of `opened`: how many partitions each topic has.
    partitions: int = 0
    # Of `opened`: the components whose state it holds.
    components: tuple[str, ...] = ()
    # Of `committed`: which component.
    component: str | None = None
    # Of `committed`: which of its partitions.
    partition: int = 0
    # Of `committed`: how far it has read, where it read; of `ends`: how far each topic has come.
    places: tuple[TopicPlace, ...] = ()
    # What was published.
    records: tuple[TopicRecord, ...] = ()
    # Of `committed`: what changed of its state.
    changes: tuple[StateChange, ...] = ()
    # When it was written (UTC).
    produced_at: datetime


class KnownAccount(Struct, frozen=True, kw_only=True, gc=False):
    """An account that a key has touched."""

    # Which.
    account: AccountRef
    # True: its positions were taken over and verified.
    adopted: bool
    # The version of the expected positions with which it was taken over.
    adopted_version: int | None = None
    # References of transfers into the account which its executor is to be told of with the next loop.
    told: tuple[str, ...] = ()


class OpenInstruction(Struct, frozen=True, kw_only=True, gc=False):
    """An instruction that was dispatched and may still act."""

    # Which.
    instruction_id: str
    # What it is worth, in the currency of the limits, by the prices at its dispatch.
    notional: Decimal
    # The scopes whose notional it counts for, as in `ScopeUse`.
    scopes: tuple[str, ...]
    # The account that it acts on.
    account: AccountRef
    # How it may change what the account holds, by `venue:type:symbol`; where a position has a limit.
    changes: dict[str, Decimal] = field(default_factory=dict)


class ScopeUse(Struct, frozen=True, kw_only=True, gc=False):
    """What was dispatched under the limits of one scope."""

    # `strategy`, `account <name>` or `venue <name>`.
    scope: str
    # When instructions were dispatched, the oldest first: as many as the order rate looks back at (UTC).
    dispatched: tuple[datetime, ...] = ()
    # The day that `daily_notional` is of, such as 2024-05-12 (UTC).
    day: str | None = None
    # What was dispatched on that day, in the currency of the limits.
    daily_notional: Decimal = Decimal(0)


class LimitUse(Struct, frozen=True, kw_only=True, gc=False):
    """What a strategy has used of its limits: the interface manager's state in the topic `loop_state`. One per
    key, where there are limits.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # By scope.
    scopes: tuple[ScopeUse, ...] = ()
    # What may still act: the instruction in flight, the further legs of its group, and those whose outcome is unknown.
    open: tuple[OpenInstruction, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class PendingCheck(Struct, frozen=True, kw_only=True, gc=False):
    """A verification that takes the slot as soon as it is free."""

    # `resume`, `correction` or `adjustment`.
    purpose: str
    # The accounts to verify.
    accounts: tuple[AccountRef, ...] = ()
    # Of a resume: the halts that it clears.
    halt_ids: tuple[str, ...] = ()


class Slot(Struct, frozen=True, kw_only=True, gc=False):
    """The loop that holds a key's slot, and what is written when the slot is freed."""

    # The loop under way.
    loop_no: int
    # What that loop is for.
    kind: LoopKind
    # Why the slot was taken: `instruction`, `refresh`, `adopt`, `resume`, `correction` or `adjustment`. Further loops
    # of the slot (a `verify` after a mismatch) keep it.
    purpose: str
    # True: positions could not be verified and the slot waits for `retry_at`.
    suspended: bool = False
    # The account the loop concerns.
    account: AccountRef
    # The accounts that are still to be verified before the slot is free.
    remaining: tuple[AccountRef, ...] = ()
    # When the loop was dispatched (UTC).
    dispatched_at: datetime
    # When the key is halted because the loop has not ended (UTC).
    deadline_at: datetime
    # True: the deadline has passed; the loop is still waited for.
    overdue: bool = False
    # True: a record of the loop is a dead letter, so that it can no longer close.
    broken: bool = False
    # When verification first failed (UTC).
    suspended_since: datetime | None = None
    # When the next `verify` is dispatched (UTC).
    retry_at: datetime | None = None
    # How many times verification was repeated.
    retries: int = 0
    # Of a resume: the halts that it clears.
    halt_ids: tuple[str, ...] = ()
    # The results of cancels that are written with this loop's.
    cancels: tuple[InstructionResult, ...] = ()
    # Of an instruction: its result, as far as it is known.
    result: InstructionResult | None = None
    # Of a chain: the protocols of its steps, where they are not its own venue. A halt of one of them reaches it too.
    further_venues: tuple[str, ...] = ()
    # Of a transfer between accounts of the strategy: where it goes.
    destination: AccountRef | None = None
    # Of a transfer: its source has shown that it left, or how it ended.
    located: bool = False
    # Of an instruction: what its strategy expects to happen.
    expected_deltas: tuple[Delta, ...] = ()
    # Of an instruction: how far what happens may be from what is expected, in basis points; null: the manager's own
    # bound.
    slippage_bps: Decimal | None = None


class LoopHead(Struct, frozen=True, kw_only=True, gc=False):
    """Where a key's loop stands: the interface manager's state in the topic `loop_state`. One per key."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The number of the latest loop; 0: none yet.
    last_loop_no: int = 0
    # The highest `sequence` that was used up.
    last_sequence: int | None = None
    # The latest version of the expected positions that was verified.
    position_version: int = 0
    # The loop that holds the slot; null: the slot is free.
    slot: Slot | None = None
    # The halts that stand.
    halts: tuple[Halt, ...] = ()
    # The accounts touched so far.
    accounts: tuple[KnownAccount, ...] = ()
    # Transfers that ended `unknown` and whose source has not shown yet whether they left: what arrives at their
    # destinations can't be told from a deposit.
    unlocated: tuple[str, ...] = ()
    # Verifications that wait for the slot.
    checks: tuple[PendingCheck, ...] = ()
    # The lowest number that may still be queued.
    queue_first: int = 0
    # The number the next queued instruction gets.
    queue_next: int = 0
    # How many instructions and whole groups are queued.
    queued: int = 0
    # How many legs of groups wait: for the other legs, for the slot, or for the legs before them.
    legs: int = 0
    # The group under way: nothing but its next leg starts, unless a halt stops it; null: none.
    group_id: str | None = None
    # When the first queued instruction or waiting group expires (UTC).
    next_expiry: datetime | None = None
    # How many instruction ids are remembered.
    seen: int = 0
    # How many of them are marked as ahead of all that was taken in.
    seen_ahead: int = 0
    # The highest `sequence` of an id that was forgotten; null: none was.
    forgotten_sequence: int | None = None
    # The latest `created_at` of an id without a sequence that was forgotten (UTC); null: none was.
    forgotten_until: datetime | None = None
    # When the slot was last freed (UTC).
    idle_since: datetime | None = None
    # The latest commands carried out, so that none is carried out twice.
    command_ids: tuple[str, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class MarketData(Struct, frozen=True, kw_only=True, gc=False):
    """One observation of a market: the value of the topic `market_data`, whose key is `venue:symbol`. Prices in
    quote per base.
    """

    # Where.
    venue: str
    # The market's unified symbol; of a rate the type and asset of the position that earns or pays it (`aToken:USDT`,
    # `debtToken:USDT`); of gas the native asset.
    symbol: str
    # `bar`, `quote`, `trade`, `funding`, `rate` or `gas`.
    kind: str
    # The venue's time (UTC); of a bar, its end.
    event_time: datetime
    # When it was seen (UTC).
    observed_at: datetime
    # Always null: a market belongs to no strategy. Present because every record has it.
    strategy_id: str | None = None
    # Best bid.
    bid: Decimal | None = None
    # Best ask.
    ask: Decimal | None = None
    # Last traded price.
    last: Decimal | None = None
    # Mark price of a derivative.
    mark: Decimal | None = None
    # Index price of a derivative.
    index: Decimal | None = None
    # First price of a bar.
    open: Decimal | None = None
    # Highest price of a bar.
    high: Decimal | None = None
    # Lowest price of a bar.
    low: Decimal | None = None
    # Last price of a bar.
    close: Decimal | None = None
    # Traded in a bar, in base units; of a trade, its size.
    volume: Decimal | None = None
    # Of `funding`: the fraction paid per interval; of `rate`: the yearly rate as a fraction; of `gas`: native units per
    # gas.
    rate: Decimal | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime | None = None
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class MarketPrice(Struct, frozen=True, kw_only=True, gc=False):
    """The last price of a market, as the interface manager asked for it. Without `price`: none was seen."""

    # The venue asked about.
    venue: str
    # The unified symbol asked about.
    symbol: str
    # The price, in quote per base; null: there is none.
    price: Decimal | None = None
    # Where that price was seen: the venue asked about, or another one where that shows none.
    price_venue: str | None = None
    # The symbol it is of: the one asked about, or the spot market of a perpetual.
    price_symbol: str | None = None
    # The time of the price, by its venue (UTC).
    event_time: datetime | None = None


class Position(Struct, frozen=True, kw_only=True, gc=False):
    """How much of something is held."""

    # `venue[@account]:type:symbol`.
    position_key: str
    # How much, in units of the asset; for a derivative in base units, signed.
    amount: Decimal


class PositionUpdate(Struct, frozen=True, kw_only=True, gc=False):
    """What a report did to the expected positions: the value of the topic `position_updates`."""

    # Deterministic: made of the strategy and the version.
    update_id: str
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # Gapless per strategy, from 1.
    position_version: int
    # The version before: 0 for the first.
    previous_version: int
    # The report applied; null for an adjustment.
    report_id: str | None = None
    # Its number within its loop.
    report_no: int | None = None
    # Its kind.
    report_kind: ReportKind | None = None
    # Every report of the loop so far, in order.
    report_ids: tuple[str, ...] = ()
    # What the loop has filled so far, in base units.
    filled_amount: Decimal | None = None
    # Of a correction: the report it corrects.
    corrects_report_id: str | None = None
    # The instruction of the loop, if it has one.
    instruction_id: str | None = None
    # The loop it belongs to; of an adjustment, the last one.
    loop_no: int
    # What the loop is for.
    loop_kind: LoopKind
    # The lane of the account.
    lane: str
    # Where it happened.
    venue: str
    # The account it happened to.
    account: str
    # The block it is in: a snapshot to verify this must not be older.
    block_number: int | None = None
    # The venue's running number within the account: a snapshot must not be older.
    venue_sequence: int | None = None
    # The venue's time of the last evidence: a snapshot must not be older.
    venue_time: datetime | None = None
    # The report's outcome.
    outcome: Outcome
    # True: nothing of the loop follows; positions are to be verified.
    is_final: bool
    # Why: `trade`, `transfer`, `funding`, `interest`, `reward`, `fee`, `gas`, `adjustment`, `initial` or `correction`.
    source: str
    # What was applied.
    deltas: tuple[Delta, ...] = ()
    # The positions touched, as expected afterwards.
    expected_positions: tuple[Position, ...] = ()
    # When it happened, by the venue's clock (UTC).
    event_time: datetime
    # The report's error, or what the handler found wrong.
    error: ErrorInfo | None = None
    # Of a transfer between accounts of the strategy that has left its source: its arrival is told by this loop.
    transfer: TransferMark | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class PendingVerification(Struct, frozen=True, kw_only=True, gc=False):
    """A final position version that has no result yet: reconciliation's state in the topic `reconciliation_state`."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The version.
    position_version: int
    # The final update; its deltas are those of its whole loop, and its expected positions are left out.
    update: PositionUpdate
    # The kind of its result.
    kind: ReconciliationKind
    # True: the result ends the loop of the update. False: it is told beside a loop, of a correction or an adjustment.
    closes_loop: bool
    # The accounts to be read.
    accounts: tuple[AccountRef, ...]
    # The attempt under way, or the last one, from 1.
    attempt: int = 1
    # True: an attempt is under way. False: the next one waits for `due_at`.
    reading: bool = True
    # Which of `accounts` this attempt has read, by their place from 0.
    answered: tuple[int, ...] = ()
    # When the attempt is given up, or the next one begins (UTC).
    due_at: datetime
    # When verification began (UTC).
    started_at: datetime
    # When it ends, whatever was read (UTC).
    ends_at: datetime
    # When a mismatch is no longer hoped to heal (UTC).
    mismatch_ends_at: datetime
    # Why attempts failed: the codes, each once, the latest last.
    failures: tuple[str, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class ReportedLoop(Struct, frozen=True, kw_only=True, gc=False):
    """What the position update handler remembers of a loop: which reports were applied, and what they came to.
    Its state in the topic `positions`; the latest loop stands inside the `PositionHead`.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The loop.
    loop_no: int
    # The instruction of the loop, once a report named it.
    instruction_id: str | None = None
    # The highest report number applied; 0: none yet.
    last_report_no: int = 0
    # Report numbers below it that were not applied. As ranges, lowest first: first, last, first, last, ...
    missing: tuple[int, ...] = ()
    # The number of the loop's final report, once it was applied.
    final_report_no: int | None = None
    # The final report's outcome, or a later correction's.
    outcome: Outcome | None = None
    # The reports applied, in the order of their arrival; of very many the latest.
    report_ids: tuple[str, ...] = ()
    # A hash of each of those reports' content, in the same order.
    digests: tuple[str, ...] = ()
    # What the reports filled, in base units.
    filled_amount: Decimal = Decimal(0)
    # The source of the loop's latest update that had one.
    source: str | None = None
    # Of a transfer: what its reports put under way and did not let arrive, in units of the asset.
    in_transit: Decimal = Decimal(0)
    # What was found wrong with the loop's reports so far; carried on to its final update.
    error: ErrorInfo | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class PositionHead(Struct, frozen=True, kw_only=True, gc=False):
    """Where a key's expected positions stand: the position update handler's state in the topic `positions`. One
    per key.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The latest version; 0: none yet.
    position_version: int = 0
    # The account of the latest report.
    account: AccountRef | None = None
    # The loop with the highest number so far.
    loop: ReportedLoop | None = None
    # Loop numbers below it of which no report came. As ranges, lowest first: first, last, first, last, ...
    unseen_loops: tuple[int, ...] = ()
    # Earlier loops that lack a report, or a final one, or whose outcome is unknown: kept until they are settled.
    unsettled_loops: tuple[int, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class PositionSnapshot(Struct, frozen=True, kw_only=True, gc=False):
    """What an account held, by the venue's own books: the value of the topic `venue_positions`."""

    # Deterministic: made of strategy, venue, account, version and attempt.
    snapshot_id: str
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The lane of the account.
    lane: str
    # The venue asked.
    venue: str
    # The account asked about.
    account: str
    # The version of the expected positions that it was taken for.
    position_version: int | None = None
    # The venue's time of the snapshot (UTC).
    as_of: datetime
    # When we got it (UTC).
    observed_at: datetime | None = None
    # The venue's running number within the account, up to which the snapshot goes.
    venue_sequence: int | None = None
    # The block it was read at.
    block_number: int | None = None
    # The cursor into the account's ledger up to which the snapshot goes.
    account_cursor: str | None = None
    # Every position that is not zero, by key.
    positions: tuple[Position, ...] = ()
    # True: what is not listed is zero. False: some could not be read, and nothing may be concluded from an absence.
    complete: bool
    # True: the account is of a simulated lane.
    simulated: bool = False
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class QueuedInstruction(Struct, frozen=True, kw_only=True, gc=False):
    """An instruction that waits for its key's slot: the interface manager's state in the topic `loop_state`."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The instruction.
    instruction: Instruction
    # The account it will act on.
    account: AccountRef
    # When it expires (UTC).
    expires_at: datetime
    # When it was taken in (UTC).
    received_at: datetime
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class ReconciliationHead(Struct, frozen=True, kw_only=True, gc=False):
    """What reconciliation has folded so far: its state in the topic `reconciliation_state`. One per key."""

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The highest version folded; 0: none yet.
    position_version: int = 0
    # Versions below it that never came. As ranges, lowest first: first, last, first, last, ...
    missing: tuple[int, ...] = ()
    # A hash of the content of each of the latest versions, 16 hex digits each, the highest last; dashes for one that is
    # missing.
    digests: str = ""
    # The loop of which updates came, but not the final one.
    open_loop: int | None = None
    # The highest loop whose final update came.
    last_final_loop: int = 0
    # The accounts that the open loop has touched.
    touched: tuple[AccountRef, ...] = ()
    # What the open loop has changed so far, by position and source.
    deltas: tuple[Delta, ...] = ()
    # Every account seen, and how far it was acted on.
    accounts: tuple[AccountMark, ...] = ()
    # A gap or a disagreement found; results carry it up to the first that matches and ends a loop.
    error: ErrorInfo | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class ReconciliationResult(Struct, frozen=True, kw_only=True, gc=False):
    """Whether the expected positions are what the venues hold: the value of the topic `reconciliation_results`.
    Exactly one per final position version.
    """

    # Deterministic: made of the strategy and the version.
    result_id: str
    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The version verified.
    position_version: int
    # The instruction of the loop, if it has one.
    instruction_id: str | None = None
    # The loop it ends.
    loop_no: int
    # What was verified.
    kind: ReconciliationKind
    # The lane of the account.
    lane: str
    # The venue of the loop.
    venue: str
    # The account of the loop.
    account: str
    # The loop's outcome, from its final report.
    outcome: Outcome
    # How the comparison ended.
    status: ReconciliationStatus
    # True: the account is of a simulated lane.
    simulated: bool = False
    # True: every position was compared, and passed.
    verified: bool
    # The snapshot compared with; null when none could be taken.
    snapshot_id: str | None = None
    # The snapshot's time, by the venue's clock (UTC).
    as_of: datetime | None = None
    # The snapshot's block.
    block_number: int | None = None
    # Every position of the accounts touched, in both directions.
    checks: tuple[Check, ...] = ()
    # The position update's source.
    source: str
    # Every report of the loop, in order.
    report_ids: tuple[str, ...] = ()
    # What the loop filled, in base units.
    filled_amount: Decimal | None = None
    # Every change of a position that the loop, the correction or the adjustment made, those of one position and source
    # added up.
    deltas: tuple[Delta, ...] = ()
    # Of a correction: the report it corrects.
    corrects_report_id: str | None = None
    # What went wrong before reconciliation, if something did.
    execution_error: ErrorInfo | None = None
    # How many snapshots were tried. Measured: not part of a replay's digest.
    attempts: int = 0
    # When the comparison began (UTC).
    started_at: datetime
    # When it ended (UTC).
    finished_at: datetime
    # What reconciliation found wrong.
    error: ErrorInfo | None = None
    # Of a transfer between accounts of the strategy that has left its source: its arrival is told by this loop.
    transfer: TransferMark | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime
    # The trace this record belongs to: the same for everything that one instruction or command caused.
    trace_id: str | None = None
    # The id of the record that made its writer write this one.
    causation_id: str | None = None


class VenueEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One line of an account's ledger, as its venue showed it."""

    # Its id at the venue.
    entry_id: str
    # Its number within the account, where the venue has one.
    sequence: int | None = None
    # What it is: `trade`, `transaction`, `transfer`, `funding`, `interest`, `reward`, `deposit`.
    kind: str
    # When it happened, by the venue's clock (UTC).
    event_time: datetime
    # Everything it changed.
    deltas: tuple[Delta, ...] = ()
    # Which part of that were fees.
    fees: tuple[Fee, ...] = ()
    # Our id of the order that caused it.
    client_order_id: str | None = None
    # The market.
    symbol: str | None = None
    # `buy` or `sell`.
    side: str | None = None
    # How much, in base units.
    amount: Decimal = Decimal(0)
    # What that was worth, in quote units.
    cost: Decimal | None = None
    # `maker` or `taker`.
    liquidity: str | None = None
    # What it realised, in quote units.
    realised_pnl: Decimal | None = None
    # The transaction (chains).
    tx_hash: str | None = None
    # Its block (chains).
    block_number: int | None = None
    # That block's hash (chains).
    block_hash: str | None = None
    # Gas used (chains).
    gas_used: int | None = None
    # Native units per gas (chains).
    effective_gas_price: Decimal | None = None


class VenueAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """An answer to a call, as the component was given it: checked, and in the strategy's own position keys. Of
    its fields those are set that its kind has.
    """

    # What kind of answer.
    kind: AnswerKind
    # Of `prepared`: what is to be sent to an exchange.
    order: PreparedOrder | None = None
    # Of `prepared`: what is to be sent to a chain.
    transaction: PreparedTransaction | None = None
    # Of `prepared`: the transfer that an exchange is to be asked for.
    transfer: PreparedTransfer | None = None
    # How the order stands.
    status: str | None = None
    # The venue's time of it, by its own clock (UTC).
    as_of: datetime | None = None
    # When it was asked, by our clock (UTC); null: nobody stamped it.
    asked_at: datetime | None = None
    # The venue's id of the order.
    venue_order_id: str | None = None
    # Ledger entries, the oldest first.
    entries: tuple[VenueEntry, ...] = ()
    # What is not filled, in base units.
    remaining: Decimal | None = None
    # The transaction (chains).
    tx_hash: str | None = None
    # A code of the catalogue.
    code: str | None = None
    # What is wrong, for people.
    message: str | None = None
    # Of `gate_closed`: `window` or `expired`.
    reason: str | None = None
    # Of `not_sent`: how long to wait at least, in microseconds.
    retry_after_us: int | None = None
    # The account's cursor after what it shows.
    cursor: str | None = None
    # The account's cursor right before the order's entries.
    cursor_before: str | None = None
    # The account's cursor right after them.
    cursor_after: str | None = None
    # Of `ledger`: there is more after this.
    more: bool = False
    # How many blocks hold the transaction (chains).
    confirmations: int | None = None
    # The wallet's next nonce by the latest block (chains).
    nonce: int | None = None
    # The same by the block that is deep enough (chains).
    settled_nonce: int | None = None
    # The block it is of (chains).
    block_number: int | None = None
    # Of `positions`: what the account holds, by position key.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    # The account's sequence at the venue.
    venue_sequence: int | None = None
    # Of `positions`: everything is in it.
    complete: bool = True
    # Of `prices`: the last price of each market that was asked about.
    prices: tuple[MarketPrice, ...] = ()
    # What the venue said, word for word, redacted.
    raw: str | None = None


class RecordedEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event of a partition of a component: with its state, everything that decides what it does."""

    # What happened.
    kind: EventKind
    # The component's time of it (UTC).
    at: datetime
    # Of `fed`: the record. Without key and value where its topic keeps it.
    record: TopicRecord | None = None
    # Of `fed`: the value is in the topic, and not here.
    value_kept: bool = False
    # Of `woken`: how many moments had come.
    count: int = 0
    # Of `answered`: the key that had asked. Of `woken`: the key that its venue woke; null: moments had come.
    key: str | None = None
    # Of `answered`: the call. Of `woken` with a key: the client order id that the venue spoke of.
    call_id: str | None = None
    # Of `answered`: the answer; null: it was larger than a record may be.
    answer: VenueAnswer | None = None


class Recording(Struct, frozen=True, kw_only=True, gc=False):
    """What one commit of one partition of a component was made of, in its order: played into a fresh component,
    all of them give the same outputs, byte for byte: the value of the topic `recordings`. Private.
    """

    # The component.
    component: str
    # Its partition.
    partition: int
    # Counts the commits of this partition since the process started, from 1.
    number: int
    # The commit goes on in the next record of this key.
    more: bool = False
    # What happened.
    events: tuple[RecordedEvent, ...] = ()
    # When the last of it happened, by its writer's clock (UTC).
    produced_at: datetime


class SeenInstruction(Struct, frozen=True, kw_only=True, gc=False):
    """An instruction id that is known, so that it is never executed twice: the interface manager's state in the
    topic `loop_state`.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The id.
    instruction_id: str
    # Of everything in it that a publisher decides; the same id with another hash is refused.
    content_hash: str
    # When it was first seen (UTC).
    seen_at: datetime
    # Its `created_at` (UTC): once it is forgotten, unknown ids without a sequence are refused up to then.
    created_at: datetime | None = None
    # Its `sequence`: once it is forgotten, unknown ids with a sequence up to it are refused.
    sequence: int | None = None
    # True: it was refused, and its `sequence`, or without one its `created_at`, is ahead of all accepted ones.
    ahead: bool = False
    # Where it is queued, or waits as a leg of a group; null: it does not.
    queue_name: str | None = None
    # The loop that a resume ended without evidence; a late result of it corrects the instruction's.
    ended_loop_no: int | None = None
    # Of an instruction whose outcome is not known: its result, to be corrected later.
    result: InstructionResult | None = None
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class SharedHalts(Struct, frozen=True, kw_only=True, gc=False):
    """The halts of a venue or of all, as one partition knows them: the interface manager's state in the topic
    `loop_state`.
    """

    # The halts that stand.
    halts: tuple[Halt, ...] = ()
    # The latest commands for a venue or for all that were carried out, so that none is carried out twice.
    command_ids: tuple[str, ...] = ()
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


class UnwrittenHalt(Struct, frozen=True, kw_only=True, gc=False):
    """A dead letter whose halt its component could not write. It stays in the component's state until the halt is
    written; nothing else of the key is handled before. At most one per key, the first.
    """

    # The strategy: the Kafka key of every record of its loops. Letters, digits, `.`, `_`, `-`; at most 100.
    strategy_id: str
    # The topic of the record that could not be processed.
    topic: str
    # Its offset there.
    offset: int
    # Why it could not be processed.
    error: ErrorInfo
    # When this record was written, by its writer's clock (UTC).
    produced_at: datetime


RECORDS: dict[str, type[Struct]] = {
    "AccountCursor": AccountCursor,
    "AccountMark": AccountMark,
    "AccountRef": AccountRef,
    "Action": Action,
    "AppliedCommands": AppliedCommands,
    "Cancel": Cancel,
    "CexTrade": CexTrade,
    "Check": Check,
    "Delta": Delta,
    "ControlCommand": ControlCommand,
    "CountedDeposit": CountedDeposit,
    "ErrorInfo": ErrorInfo,
    "Header": Header,
    "DeadLetter": DeadLetter,
    "EndedGroup": EndedGroup,
    "Fee": Fee,
    "TransferMark": TransferMark,
    "ExecutionReport": ExecutionReport,
    "SmartContractAction": SmartContractAction,
    "WalletTransfer": WalletTransfer,
    "Instruction": Instruction,
    "RoutedInstruction": RoutedInstruction,
    "LedgerLoop": LedgerLoop,
    "ExecutorHead": ExecutorHead,
    "ExpectedPosition": ExpectedPosition,
    "FoldedPosition": FoldedPosition,
    "GroupLeg": GroupLeg,
    "Halt": Halt,
    "HeldAmounts": HeldAmounts,
    "InstructionGroup": InstructionGroup,
    "InstructionResult": InstructionResult,
    "IntentAudit": IntentAudit,
    "StepProgress": StepProgress,
    "PreparedOrder": PreparedOrder,
    "PreparedTransaction": PreparedTransaction,
    "PreparedTransfer": PreparedTransfer,
    "Submission": Submission,
    "Transit": Transit,
    "JournalEntry": JournalEntry,
    "StateChange": StateChange,
    "TopicPlace": TopicPlace,
    "TopicRecord": TopicRecord,
    "JournalFrame": JournalFrame,
    "KnownAccount": KnownAccount,
    "OpenInstruction": OpenInstruction,
    "ScopeUse": ScopeUse,
    "LimitUse": LimitUse,
    "PendingCheck": PendingCheck,
    "Slot": Slot,
    "LoopHead": LoopHead,
    "MarketData": MarketData,
    "MarketPrice": MarketPrice,
    "Position": Position,
    "PositionUpdate": PositionUpdate,
    "PendingVerification": PendingVerification,
    "ReportedLoop": ReportedLoop,
    "PositionHead": PositionHead,
    "PositionSnapshot": PositionSnapshot,
    "QueuedInstruction": QueuedInstruction,
    "ReconciliationHead": ReconciliationHead,
    "ReconciliationResult": ReconciliationResult,
    "VenueEntry": VenueEntry,
    "VenueAnswer": VenueAnswer,
    "RecordedEvent": RecordedEvent,
    "Recording": Recording,
    "SeenInstruction": SeenInstruction,
    "SharedHalts": SharedHalts,
    "UnwrittenHalt": UnwrittenHalt,
}

# Values of topics and of state: these have schema ids.
TOP_LEVEL = frozenset(
    {
        "AppliedCommands",
        "ControlCommand",
        "CountedDeposit",
        "DeadLetter",
        "EndedGroup",
        "ExecutionReport",
        "ExecutorHead",
        "ExpectedPosition",
        "FoldedPosition",
        "HeldAmounts",
        "Instruction",
        "InstructionGroup",
        "InstructionResult",
        "IntentAudit",
        "JournalEntry",
        "JournalFrame",
        "LimitUse",
        "LoopHead",
        "MarketData",
        "PendingVerification",
        "PositionHead",
        "PositionSnapshot",
        "PositionUpdate",
        "QueuedInstruction",
        "ReconciliationHead",
        "ReconciliationResult",
        "Recording",
        "ReportedLoop",
        "RoutedInstruction",
        "SeenInstruction",
        "SharedHalts",
        "UnwrittenHalt",
    }
)
