"""``status``: what runs, the phase of every key, and the halts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import DEFAULT_DIR, AsJson, Installation, StateDir, running_bootstrap
from tightloop.cli.output import emit, note, shown, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from pathlib import Path

    from tightloop.cli.health import ComponentHealth
    from tightloop.cli.system.system_state import SystemState
    from tightloop.client.key_states import KeyState, LoopStates
    from tightloop.errors import ExecutionError


def status(installation: Installation, directory: StateDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Components (pid, health, lag); keys with phase, what is in flight and queued; halts and their cause.

    Exit code 1 when a key is halted, a component is not ready, or the supervisor is gone while others run; 3 when
    nothing runs.
    """
    from tightloop.cli.health import components
    from tightloop.cli.system.system_state import read_state
    from tightloop.client.key_states import LoopStateReader

    running = read_state(directory)
    if not (installation.configuration().bootstrap or running_bootstrap(directory)):
        if running is None or not running.is_orphaned:
            raise _nothing_runs(directory)
        _tell_orphans(running, as_json=as_json)
        raise typer.Exit(exits.BAD_NEWS)
    settings = installation.kafka(directory)
    if running is not None and running.bootstrap != settings.bootstrap:
        running = None  # another system's
    config = installation.configuration(bootstrap=settings.bootstrap)
    states = LoopStateReader(settings, config.directory()).read()
    found = components(settings, config, running)
    if as_json:
        emit(_document(found, states, settings.bootstrap, running))
    else:
        _tell(found, states)
    orphaned = running is not None and running.is_orphaned
    if orphaned and running is not None:
        note(_orphaned(running))
    halted = states.shared or any(one.head.halts for one in states.keys.values())
    if halted or orphaned or any(one.health not in ("ready", "unknown") for one in found):
        raise typer.Exit(exits.BAD_NEWS)


def _tell_orphans(running: SystemState, *, as_json: bool) -> None:
    """The supervisor is gone, and its broker with it: what still runs, and that keys can't be read."""
    from tightloop.cli.health import probed

    found = [probed(one) for one in running.processes]
    if as_json:
        supervisor = _supervisor(running)
        emit(
            {"bootstrap": running.bootstrap, "supervisor": supervisor, "components": found, "keys": None, "halts": None}
        )
    else:
        _tell_components(found)
    note("the embedded broker is gone: where keys stand cannot be read")
    note(_orphaned(running))


def _orphaned(running: SystemState) -> str:
    return (
        f"the supervisor (pid {running.pid}) is gone, and nothing starts again what ends here: "
        "`tightloop up` ends what it left and starts all anew, `tightloop down` only ends it"
    )


def _supervisor(running: SystemState | None) -> dict[str, Any] | None:
    return None if running is None else {"pid": running.pid, "alive": running.is_alive}


def _nothing_runs(directory: Path) -> ExecutionError:
    from tightloop.errors import ExecutionError

    return ExecutionError(
        "EIF-011",
        f"nothing runs from {directory}, and no Kafka address is configured",
        remedy="Start a system: `tightloop up`. For one that runs elsewhere give --bootstrap HOST:PORT, or its --dir.",
    )


def _document(
    found: list[ComponentHealth], states: LoopStates, bootstrap: str, running: SystemState | None
) -> dict[str, Any]:
    return {
        "bootstrap": bootstrap,
        "supervisor": _supervisor(running),
        "components": found,
        "keys": [_key(one) for one in states.keys.values()],
        "halts": states.shared,
    }


def _key(state: KeyState) -> dict[str, Any]:
    from tightloop.client.group_states import as_document

    head, slot = state.head, state.head.slot
    return {
        "strategy_id": state.strategy_id,
        "phase": state.phase,
        "since": state.since,
        "loop_no": head.last_loop_no,
        "position_version": head.position_version,
        "in_flight": None
        if slot is None
        else {
            "loop_no": slot.loop_no,
            "kind": slot.kind,
            "purpose": slot.purpose,
            "venue": slot.account.venue,
            "account": slot.account.account,
            "instruction_id": slot.result.instruction_id if slot.result else None,
            "dispatched_at": slot.dispatched_at,
            "deadline_at": slot.deadline_at,
            "suspended": slot.suspended,
            "retry_at": slot.retry_at,
        },
        "queued": [one.instruction.instruction_id for one in state.queue],
        "groups": [as_document(one, head) for one in state.groups],
        "halts": state.halts,
    }


def _tell_components(found: list[ComponentHealth]) -> None:
    rows = [(one.name, one.pid, one.health, one.partitions, one.lag, one.restarts) for one in found]
    table(["component", "pid", "health", "partitions", "lag", "restarts"], rows, title="Components")


def _tell(found: list[ComponentHealth], states: LoopStates) -> None:
    _tell_components(found)
    typer.echo("")
    keys = [_row(one) for one in states.keys.values()]
    if keys:
        table(["key", "phase", "since", "loop", "version", "in flight", "queued", "halts"], keys, title="Keys")
    else:
        note("no key has had an instruction yet")
    _tell_groups(states)
    halts = [
        (one.strategy_id, halt.halt_id[:12], halt.code, halt.message, halt.since, halt.actor or "the system")
        for one in states.keys.values()
        for halt in one.head.halts
    ]
    halts += [
        (halt.venue or "all", halt.halt_id[:12], halt.code, halt.message, halt.since, halt.actor or "the system")
        for halt in states.shared
    ]
    if halts:
        typer.echo("")
        table(
            ["stops", "halt", "code", "cause", "since", "set by"],
            halts,
            title="Halts (`tightloop resume KEY --reason WHY` verifies and clears)",
        )


def _tell_groups(states: LoopStates) -> None:
    from tightloop.client.group_states import phase_of, words

    rows = [
        (
            state.strategy_id,
            group.group_id,
            phase_of(group, state.head),
            words(group, state.head),
            group.expires_at if group.started_at is None else None,
        )
        for state in states.keys.values()
        for group in state.groups
    ]
    if rows:
        typer.echo("")
        table(["key", "group", "phase", "what", "expires"], rows, title="Groups")


def _row(state: KeyState) -> tuple[Any, ...]:
    slot = state.head.slot
    flight = None
    if slot is not None:
        flight = f"{slot.result.instruction_id if slot.result else slot.kind} at {slot.account.venue}"
    return (
        state.strategy_id,
        state.phase,
        shown(state.since)[:19],
        state.head.last_loop_no,
        state.head.position_version,
        flight,
        len(state.queue),
        len(state.halts),
    )


def add_to(app: typer.Typer) -> None:
    add(app, status, "tightloop status", "tightloop status --json | jq .halts")
