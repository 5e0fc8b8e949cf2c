"""How long texts and lists of instructions and commands may be (``docs/consumers.md``). Pure.

They go into further records, into headers and into keyed state, each of which has a limit of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from operator import attrgetter

from msgspec.structs import replace

from tightloop.domain import ids
from tightloop.errors import ExecutionError
from tightloop.records.types import ControlCommand, Instruction

ID_CHARS = 200
KEY_CHARS = 300  # of a position key
DELTAS = 100  # expected_deltas
ACTIONS = 100
NOTES = 100  # metadata; parameters of an action
NOTE_CHARS = 4000
HALT_IDS = 64
COMMAND_DELTAS = 1000
_TOLD = ("instruction_id", "type", "venue", "account", "group_id", "trace_id", "causation_id")
_TOLD_OF = attrgetter(*_TOLD)


def legible(instruction: Instruction) -> Instruction:
    """The instruction as its result names it: an id that is longer than any may be is cut, and ends with its digest."""
    told = _TOLD_OF(instruction)
    if max(map(len, filter(None, told)), default=0) <= ID_CHARS:
        return instruction
    long = {name: value for name, value in zip(_TOLD, told, strict=True) if value is not None and len(value) > ID_CHARS}
    return replace(instruction, **{name: shortened(value) for name, value in long.items()})


def shortened(text: str) -> str:
    """What stands for an id that is too long: the same for the same one, and another for any other."""
    return f"{text[:100]}...{ids.digest(text)}"


def check_instruction_lengths(instruction: Instruction) -> None:
    """Raises ExecutionError EIM-007. What ``validate`` checks by an alphabet is not looked at again."""
    for name in ("group_id", "trace_id", "causation_id"):
        _check("EIM-007", name, getattr(instruction, name), ID_CHARS)
    _check("EIM-007", "expected_deltas", instruction.expected_deltas, DELTAS)
    for number, delta in enumerate(instruction.expected_deltas):
        _check("EIM-007", f"expected_deltas[{number}].position_key", delta.position_key, KEY_CHARS)
        _check("EIM-007", f"expected_deltas[{number}].source", delta.source, ID_CHARS)
    _check_notes("metadata", instruction.metadata)
    payload = instruction.smart_contract_action
    if payload is not None:
        _check("EIM-007", "smart_contract_action.actions", payload.actions, ACTIONS)
        for number, action in enumerate(payload.actions):
            where = f"smart_contract_action.actions[{number}]"
            for name in ("protocol", "operation", "token_in", "token_out", "amount_unit"):
                _check("EIM-007", f"{where}.{name}", getattr(action, name), ID_CHARS)
            _check_notes(f"{where}.parameters", action.parameters)
    if instruction.wallet_transfer is not None:
        for name in ("source", "destination", "asset", "network"):
            _check("EIM-007", f"wallet_transfer.{name}", getattr(instruction.wallet_transfer, name), ID_CHARS)
    if instruction.cancel is not None:
        _check("EIM-007", "cancel.instruction_id", instruction.cancel.instruction_id, ID_CHARS)


def check_command(command: ControlCommand) -> None:
    """Raises ExecutionError EIM-016 (no halt). ``reason`` and ``actor`` are cut where they are kept, never refused."""
    for name in ("command_id", "venue", "account", "target_id", "trace_id", "causation_id"):
        _check("EIM-016", name, getattr(command, name), ID_CHARS)
    _check("EIM-016", "expected_halt_ids", command.expected_halt_ids, HALT_IDS)
    for halt_id in command.expected_halt_ids:
        _check("EIM-016", "expected_halt_ids", halt_id, ID_CHARS)
    _check("EIM-016", "deltas", command.deltas, COMMAND_DELTAS)
    for number, delta in enumerate(command.deltas):
        _check("EIM-016", f"deltas[{number}].position_key", delta.position_key, KEY_CHARS)


def _check_notes(field: str, notes: Mapping[str, str]) -> None:
    _check("EIM-007", field, notes, NOTES)
    for name, value in notes.items():
        _check("EIM-007", f"{field} (a name in it)", name, ID_CHARS)
        _check("EIM-007", f"{field}[{name!r}]", value, NOTE_CHARS)


def _check(code: str, field: str, value: Sized | None, most: int) -> None:
    if value is not None and len(value) > most:
        unit = "characters" if isinstance(value, str) else "entries"
        halts = False if code == "EIM-016" else None
        raise ExecutionError(code, f"{field}: {len(value)} {unit} are more than the {most} it may have", halts=halts)
