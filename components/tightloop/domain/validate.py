"""Is this Instruction possible? What a schema cannot say: pure, without a clock or a venue's steps and minimums.

``check_instruction`` knows the venues there are, ``check_on_lane`` the lane that is to carry it out. Both raise an
ExecutionError whose message names the field and the rule:

- EIM-005 the type is unknown
- EIM-006 the venue, or an action's protocol, is unknown
- EIM-007 the payload is missing, is another type's, or breaks a rule
- EIM-008 ``atomic`` was asked for what does not fit into one transaction

Whether it is allowed (limits, allowlists, balances, the venue's steps and minimums) is for others to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn

from tightloop.domain.directory import LaneSpec
from tightloop.domain.groups import check_leg
from tightloop.domain.ids import is_instruction_id, is_strategy_id
from tightloop.domain.lengths import check_instruction_lengths
from tightloop.domain.positions import parse_key
from tightloop.domain.transfers import check_ends
from tightloop.domain.venues import INSTRUCTION_TYPES, Venues, VenueSpec
from tightloop.errors import ExecutionError
from tightloop.errors.nearest import hint
from tightloop.records.types import Action, Cancel, CexTrade, Delta, Instruction, SmartContractAction, WalletTransfer
from tightloop.wire.codec import has_unknown

MARKET_ORDER_LIFE = timedelta(seconds=30)
DEFAULT_LIFE = timedelta(hours=1)
# Bounds of all figures: within them no sum, no product of two amounts and a share, and no date can overflow.
LONGEST_LIFE = timedelta(days=366)  # of an instruction, from its `created_at`; also of `timeout_ms`
HIGHEST_SEQUENCE = 2**53 - 1  # what JSON's numbers hold exactly, too; microseconds since 1970 fit
LARGEST_AMOUNT = Decimal(10) ** 20  # amounts and prices are below it
_LONGEST_TIMEOUT_MS = int(LONGEST_LIFE.total_seconds()) * 1000
_HIGHEST_CHAIN = 2**53 - 1
_UINT256_DIGITS = 78
EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)  # an earlier time is a zero, or in a wrong unit
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_ASSET = r"[A-Za-z0-9.]{1,20}"
_SPOT = re.compile(f"{_ASSET}/{_ASSET}")
_PERP = re.compile(f"{_ASSET}/{_ASSET}:{_ASSET}")
_ONE_TOKEN = frozenset(
    {
        "supply",
        "withdraw",
        "borrow",
        "repay",
        "supply_collateral",
        "withdraw_collateral",
        "set_collateral",
        "add_liquidity",
    }
)
_WITHOUT_AMOUNT = frozenset({"set_collateral"})  # a switch
_FULL = Decimal(10_000)  # basis points


def expires_at(instruction: Instruction) -> datetime:
    """When the instruction expires: as it says, or by default 30 s after ``created_at`` for market orders, else 1 h."""
    if instruction.expires_at is not None:
        return instruction.expires_at
    trade = instruction.cex_trade
    return instruction.created_at + (MARKET_ORDER_LIFE if trade and trade.order_type == "market" else DEFAULT_LIFE)


def check_instruction(instruction: Instruction, venues: Venues) -> None:
    """Returns when the instruction is possible. Raises ExecutionError (EIM-005 to -008; TLC-008 for an enum)."""
    unknown = has_unknown(instruction)
    if unknown is not None:
        raise ExecutionError("TLC-008", f"{unknown} holds a symbol that this version does not know")
    _check_identity(instruction)
    check_instruction_lengths(instruction)
    if instruction.type not in INSTRUCTION_TYPES:
        raise ExecutionError(
            "EIM-005", f"type {instruction.type!r} is unknown: there are {', '.join(INSTRUCTION_TYPES)}"
        )
    place = venues.find(instruction.venue)
    _check_times(instruction)
    check_leg(instruction)
    for number, delta in enumerate(instruction.expected_deltas):
        _check_key(f"expected_deltas[{number}].position_key", delta.position_key)
    check_amounts(instruction.expected_deltas, "expected_deltas")
    _check_payload(instruction, place, venues)


def check_on_lane(instruction: Instruction, lane: LaneSpec, venues: Venues) -> None:
    """Can this lane carry it out, as far as its venues tell? For a possible instruction. Raises ExecutionError EIM-007
    and -008.
    """
    if instruction.smart_contract_action is not None:
        payload = instruction.smart_contract_action
        for number, action in enumerate(payload.actions):
            where, protocol = f"smart_contract_action.actions[{number}]", venues.find(action.protocol)
            if protocol.name not in lane.venues:
                code = "EIM-008" if payload.atomic else "EIM-007"
                raise ExecutionError(code, f"{where}.protocol: {protocol.name} is not on {lane.name}")
            near = hint(action.operation, protocol.operations)
            _require(
                action.operation in protocol.operations,
                f"{where}.operation: {protocol.name} has no {action.operation!r}{near}",
            )


def check_amounts(deltas: Sequence[Delta], field: str = "deltas") -> None:
    """Deltas that a person wrote down, as in an operator's ``adjust``. Raises ExecutionError EIM-007."""
    for number, delta in enumerate(deltas):
        _check_size(f"{field}[{number}].amount", delta.amount)


def _refuse(problem: str) -> NoReturn:
    raise ExecutionError("EIM-007", problem)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        _refuse(problem)


def _check_identity(instruction: Instruction) -> None:
    if not is_instruction_id(instruction.instruction_id):
        _refuse("instruction_id: 1 to 200 of letters, digits, '.', '_', '-', ':'")
    if not is_strategy_id(instruction.strategy_id):
        _refuse("strategy_id: 1 to 100 of letters, digits, '.', '_', '-'")
    if instruction.account is not None and not _NAME.fullmatch(instruction.account):
        _refuse("account: 1 to 100 of letters, digits, '.', '_', '-'")
    if instruction.sequence is not None and not 0 <= instruction.sequence <= HIGHEST_SEQUENCE:
        _refuse(f"sequence: {instruction.sequence} is not from 0 to {HIGHEST_SEQUENCE}")


def _check_times(instruction: Instruction) -> None:
    if not EARLIEST <= instruction.created_at < LATEST:
        _refuse(f"created_at: {instruction.created_at.isoformat()} cannot be; it is in microseconds since 1970, UTC")
    _check_end("expires_at", instruction.expires_at, instruction.created_at)


def _check_end(field: str, end: datetime | None, created_at: datetime) -> None:
    if end is not None and not created_at < end <= created_at + LONGEST_LIFE:
        _refuse(f"{field}: must be after created_at, by at most {LONGEST_LIFE.days} days")


def _check_key(field: str, key: str) -> None:
    try:
        parse_key(key)
    except ExecutionError as error:
        _refuse(f"{field}: {error.message}")


def _check_payload(instruction: Instruction, place: VenueSpec, venues: Venues) -> None:
    given = [name for name in INSTRUCTION_TYPES if getattr(instruction, name) is not None]
    if given != [instruction.type]:
        _refuse(f"{instruction.type}: exactly this payload must be given, not {' and '.join(given) or 'none'}")
    if instruction.type not in place.types:
        _refuse(f"venue: {place.name} takes {', '.join(place.types)}, not {instruction.type}")
    if instruction.cex_trade is not None:
        market = instruction.cex_trade.market
        if market not in place.markets:
            _refuse(f"cex_trade.market: {place.name} has {', '.join(place.markets)}, not {market}")
        _check_trade(instruction.cex_trade)
    elif instruction.smart_contract_action is not None:
        _check_actions(instruction.smart_contract_action, venues, instruction.created_at)
    elif instruction.wallet_transfer is not None:
        _check_transfer(instruction.wallet_transfer, instruction.account, place, venues)
    elif instruction.cancel is not None:
        _check_cancel(instruction.cancel, instruction.instruction_id)


def _check_positive(field: str, amount: Decimal | None) -> None:
    if amount is not None and amount <= 0:
        _refuse(f"{field}: must be above zero, not {amount}")
    _check_size(field, amount)


def _check_size(field: str, amount: Decimal | None) -> None:
    if amount is not None and not abs(amount) < LARGEST_AMOUNT:
        _refuse(f"{field}: must be below 10^20, either way")


def _check_bps(field: str, bps: Decimal | None) -> None:
    if bps is not None and not 0 <= bps < _FULL:
        _refuse(f"{field}: must be at least 0 and below 10000 basis points")


# --- trades -----------------------------------------------------------------------------------------------------------


def _check_trade(trade: CexTrade) -> None:
    form, example = (_SPOT, "BTC/USDT") if trade.market == "spot" else (_PERP, "BTC/USDT:USDT")
    if form.fullmatch(trade.symbol) is None:
        _refuse(f"cex_trade.symbol: a {trade.market} market is like {example}, not {trade.symbol!r}")
    _require(
        (trade.amount is None) != (trade.quote_amount is None),
        "cex_trade: exactly one of amount and quote_amount must be given",
    )
    for name in ("amount", "quote_amount", "price", "reference_price"):
        _check_positive(f"cex_trade.{name}", getattr(trade, name))
    _check_bps("cex_trade.max_slippage_bps", trade.max_slippage_bps)
    if trade.timeout_ms is not None and not 0 < trade.timeout_ms <= _LONGEST_TIMEOUT_MS:
        _refuse(f"cex_trade.timeout_ms: must be above zero, and at most {LONGEST_LIFE.days} days")
    _require(not (trade.reduce_only and trade.market == "spot"), "cex_trade.reduce_only: is for perpetuals")
    if trade.order_type == "limit":
        _check_limit_order(trade)
    else:
        _check_market_order(trade)


def _check_limit_order(trade: CexTrade) -> None:
    _require(trade.price is not None, "cex_trade.price: a limit order needs one")
    _require(trade.quote_amount is None, "cex_trade.quote_amount: is for market orders; give amount")


def _check_market_order(trade: CexTrade) -> None:
    _require(trade.price is None, "cex_trade.price: a market order has none")
    _require(trade.time_in_force != "PO", "cex_trade.time_in_force: a market order cannot be post-only")


# --- chains -----------------------------------------------------------------------------------------------------------


def _check_actions(payload: SmartContractAction, venues: Venues, created_at: datetime) -> None:
    _require(len(payload.actions) > 0, "smart_contract_action.actions: at least one must be given")
    _check_positive("smart_contract_action.max_fee", payload.max_fee)
    _check_end("smart_contract_action.deadline", payload.deadline, created_at)
    _require(0 < payload.chain_id <= _HIGHEST_CHAIN, "smart_contract_action.chain_id: must be from 1 to 2^53 - 1")
    for number, action in enumerate(payload.actions):
        where = f"smart_contract_action.actions[{number}]"
        _check_protocol(where, venues.find(action.protocol), atomic=payload.atomic)
        _check_action(where, action, first=number == 0)


def _check_protocol(where: str, protocol: VenueSpec, *, atomic: bool) -> None:
    if protocol.kind == "exchange":
        code = "EIM-008" if atomic else "EIM-007"
        raise ExecutionError(code, f"{where}.protocol: {protocol.name} is an exchange, and on no chain")
    _require(protocol.kind == "protocol", f"{where}.protocol: {protocol.name} is a wallet, not a protocol")


def _check_action(where: str, action: Action, *, first: bool) -> None:
    _require(bool(action.operation), f"{where}.operation: must be given")
    tokens = {action.token_in, action.token_out} - {None, ""}
    _require(action.operation not in _ONE_TOKEN or len(tokens) >= 1, f"{where}: {action.operation} needs a token")
    _require(action.operation != "swap" or len(tokens) == 2, f"{where}: a swap needs a token_in and another token_out")
    _check_action_amount(where, action, first=first)
    _check_positive(f"{where}.min_amount_out", action.min_amount_out)
    _check_bps(f"{where}.max_slippage_bps", action.max_slippage_bps)


def _check_action_amount(where: str, action: Action, *, first: bool) -> None:
    given = (action.amount is not None) + (action.amount_text is not None)
    if action.operation in _WITHOUT_AMOUNT:
        _require(
            (given, action.amount_rule) == (0, "number"), f"{where}.amount: {action.operation} takes none, and no rule"
        )
    elif action.amount_rule == "number":
        _require(given == 1, f"{where}: exactly one of amount and amount_text must be given")
    else:
        _require(given == 0, f"{where}.amount: with the rule {action.amount_rule} there is none")
    _require(
        not (first and action.amount_rule == "previous_output"),
        f"{where}.amount_rule: there is no action before the first, whose output it could take",
    )
    _check_positive(f"{where}.amount", action.amount)
    _require((action.amount_text is None) == (action.amount_unit is None), f"{where}.amount_unit: names amount_text's")
    if action.amount_text is not None:
        _require(
            _is_uint256(action.amount_text),
            f"{where}.amount_text: must be a whole number above zero, and below 2^256",
        )


def _is_uint256(text: str) -> bool:
    digits = len(text) <= _UINT256_DIGITS and text.isascii() and text.isdigit()
    return digits and 0 < int(text) < 2**256


# --- transfers and cancels --------------------------------------------------------------------------------------------


def _check_transfer(transfer: WalletTransfer, account: str | None, place: VenueSpec, venues: Venues) -> None:
    _check_positive("wallet_transfer.amount", transfer.amount)
    for name in ("source", "destination", "asset"):
        _require(bool(getattr(transfer, name)), f"wallet_transfer.{name}: must be given")
    check_ends(transfer, account, place, venues)


def _check_cancel(cancel: Cancel, own_id: str) -> None:
    _require(
        (cancel.instruction_id is None) != (cancel.group_id is None),
        "cancel: exactly one of instruction_id and group_id must be given",
    )
    _require(cancel.instruction_id != own_id, "cancel.instruction_id: is its own")
    _require(
        cancel.group_id is None or is_instruction_id(cancel.group_id),
        "cancel.group_id: 1 to 200 of letters, digits, '.', '_', '-', ':'",
    )
