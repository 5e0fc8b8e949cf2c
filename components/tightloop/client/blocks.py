"""From plain data to an Instruction: nested as the record is, or flat, with the payload's fields beside the others.

Floats are taken as their shortest decimal text. An unknown field is refused by name, with the nearest valid one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from tightloop.domain.instants import utc
from tightloop.domain.venues import FIRST_CHAIN, INSTRUCTION_TYPES
from tightloop.errors import ExecutionError
from tightloop.errors.nearest import hint
from tightloop.records.types import Action, Cancel, CexTrade, Instruction, SmartContractAction, WalletTransfer
from tightloop.venues import registry

Block = dict[str, Any]
PAYLOADS: dict[str, type[Struct]] = {
    "cex_trade": CexTrade,
    "smart_contract_action": SmartContractAction,
    "wallet_transfer": WalletTransfer,
    "cancel": Cancel,
}
_RULES = ("all", "previous_output")
_MAY_HOLD_NUMBERS = (Decimal, Struct, tuple)


def instruction_from(block: Mapping[str, Any], *, now: datetime | None = None) -> Instruction:
    """The Instruction that ``block`` describes; without ``created_at`` it was decided ``now``.

    Raises ExecutionError EIM-005 for an unknown type, EIM-007 for what is missing, unknown or of a wrong kind. Whether
    it is possible, ``domain.validate`` says.
    """
    plain: Block = {name: _plain(value, name) for name, value in block.items() if value is not None}
    kind = plain.get("type")
    if kind not in PAYLOADS:
        raise ExecutionError("EIM-005", f"type {kind!r} is unknown: there are {', '.join(INSTRUCTION_TYPES)}")
    nested = _nested(plain, str(kind))
    nested.setdefault("created_at", now or datetime.now(UTC))
    try:
        instruction = msgspec.convert(nested, Instruction, strict=False)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise ExecutionError("EIM-007", _words(str(error))) from error
    _check_finite(instruction)
    return _in_utc(instruction)


def _plain(value: Any, where: str) -> Any:
    """Mappings, lists and exact numbers only."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(one, f"{where}.{name}") for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one, f"{where}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, float):
        if not isfinite(value):
            raise ExecutionError("EIM-007", f"{where}: {value} is not a number that can be traded")
        return Decimal(repr(float(value)))
    if isinstance(value, Decimal) and not value.is_finite():
        raise ExecutionError("EIM-007", f"{where}: {value} is not a number that can be traded")
    return value


def _check_finite(record: Any, where: str = "") -> None:
    """Raises ExecutionError EIM-007 for a NaN or an infinity that was given as text."""
    if isinstance(record, Decimal) and not record.is_finite():
        raise ExecutionError("EIM-007", f"{where}: {record} is not a number that can be traded")
    if isinstance(record, Struct):
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, _MAY_HOLD_NUMBERS):
                _check_finite(value, f"{where}.{name}" if where else name)
    elif isinstance(record, tuple):
        for number, one in enumerate(record):
            _check_finite(one, f"{where}[{number}]")


def _nested(plain: Block, kind: str) -> Block:
    """The payload's fields under the payload's name."""
    own = _names(Instruction)
    outer = {name: value for name, value in plain.items() if name in own}
    inner = {name: value for name, value in plain.items() if name not in own}
    payload = outer.get(kind, {})
    if not isinstance(payload, dict):
        raise ExecutionError("EIM-007", f"{kind}: must be a mapping of its fields")
    merged = {**payload, **inner}
    if kind == "smart_contract_action":
        merged = _actions(merged, str(outer.get("venue", "")))
    elif kind == "cex_trade":
        merged = _trade(merged)
    elif kind == "cancel" and "target" in merged:
        merged["instruction_id"] = merged.pop("target")  # flat, the name is taken by the cancel's own id
    _refuse_unknown(merged, PAYLOADS[kind], kind, frozenset() if payload else own)
    return {**outer, kind: merged}


def _trade(payload: Block) -> Block:
    """The symbol tells the market (a perpetual's names what it settles in), a price that it is a limit order."""
    market = "perp" if ":" in str(payload.get("symbol", "")) else "spot"
    return {"market": market, "order_type": "market" if payload.get("price") is None else "limit", **payload}


def _actions(payload: Block, venue: str) -> Block:
    """A single action may lie flat beside the others; an amount may be `all` or `previous_output`."""
    own = _names(SmartContractAction)
    single = {name: value for name, value in payload.items() if name not in own}
    payload = {name: value for name, value in payload.items() if name in own}
    if single:
        _refuse_price(single)
        _refuse_unknown(single, Action, "smart_contract_action", own)
        payload["actions"] = [single, *payload.get("actions", [])]
    if isinstance(payload.get("actions"), list):
        payload["actions"] = [_action(one, number, venue) for number, one in enumerate(payload["actions"])]
    known = registry.known().venues.get(venue)
    if known is not None and known.kind != "exchange":
        payload.setdefault("chain_id", registry.CHAIN_IDS[FIRST_CHAIN])
    return payload


def _refuse_price(single: Block) -> None:
    """A chain's price is not the instruction's to tell. Raises ExecutionError EIM-007."""
    for name in ("price", "reference_price"):
        if name in single:
            raise ExecutionError(
                "EIM-007",
                f"smart_contract_action: {name!r} is for trades; an action takes the market's price, from the data "
                "provider or the topic market_data",
            )


def _action(action: Any, number: int, venue: str) -> Any:
    if not isinstance(action, dict):
        raise ExecutionError("EIM-007", f"smart_contract_action.actions[{number}]: must be a mapping of its fields")
    _refuse_unknown(action, Action, f"smart_contract_action.actions[{number}]", frozenset())
    action = {"protocol": venue, **action}
    if action.get("amount") in _RULES:
        action["amount_rule"] = action.pop("amount")
    if isinstance(action.get("parameters"), dict):
        action["parameters"] = {name: str(value) for name, value in action["parameters"].items()}
    return action


@cache
def _names(kind: type[Struct]) -> frozenset[str]:
    return frozenset(kind.__struct_fields__)


def _refuse_unknown(given: Block, kind: type[Struct], where: str, beside: Set[str]) -> None:
    valid = _names(kind)
    for name in given:
        if name not in valid:
            near = get_close_matches(name, valid | beside, n=1)
            hint = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(valid | beside))}"
            raise ExecutionError("EIM-007", f"{where}: unknown field {name!r}{hint}")


def _words(problem: str) -> str:
    """msgspec's words, with the place first: ``cex_trade.side: Invalid enum value 'up'; there are buy, sell``."""
    what, _, path = problem.partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    if what.startswith("Invalid enum value"):
        what += hint(what.rpartition(" ")[2].strip("'"), _symbols(place))
    return f"{place}: {what}" if path else what


def _symbols(place: str) -> list[str]:
    """What the field of that place may be."""
    outer, _, field = place.rpartition(".")
    record = Action if "actions[" in outer else PAYLOADS.get(outer, Instruction)
    kind = get_type_hints(record).get(field)
    choices = [one for part in (kind, *get_args(kind)) for one in get_args(part) if isinstance(one, str)]
    return [one for one in choices if one != "UNKNOWN"]


def _in_utc(instruction: Instruction) -> Instruction:
    changes: dict[str, Any] = {}
    for name in ("created_at", "expires_at", "produced_at"):
        at = getattr(instruction, name)
        if at is not None:
            changes[name] = utc(at, name)
    action = instruction.smart_contract_action
    if action is not None and action.deadline is not None:
        deadline = utc(action.deadline, "smart_contract_action.deadline")
        changes["smart_contract_action"] = structs.replace(action, deadline=deadline)
    return structs.replace(instruction, **changes)
