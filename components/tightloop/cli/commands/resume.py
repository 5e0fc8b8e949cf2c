"""``resume``: halts are cleared, once they have been shown."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tightloop.cli import exits
from tightloop.cli.operator import Operator, Reason, Scope, Wait, venue_name
from tightloop.cli.output import note, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.client.key_states import LoopStates
    from tightloop.records.types import Halt


@dataclass(frozen=True)
class PatientOperator(Operator):
    """Verifying the positions takes longer than the effect of other commands."""

    wait: Wait = 45.0


def resume(
    scope: Scope,
    operator: PatientOperator,
    reason: Reason,
    only: Annotated[
        list[str] | None, typer.Option("--halt", help="Only this halt, by the beginning of its id (may be repeated).")
    ] = None,
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="Go on although the positions were not verified. Recorded.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show the halts that stand, and clear them; a key goes on once its positions are verified."""
    from tightloop.client.key_states import LoopStateReader

    states = LoopStateReader(operator.settings, operator.directory).read(scope.key)
    halts = [one for one in _standing(states, scope) if _chosen(one, only)]
    if not halts:
        note(
            "there is no such halt to clear"
            if only
            else "nothing of that scope is halted: `tightloop status` lists halts"
        )
        raise typer.Exit(exits.BAD_NEWS)
    if not operator.as_json:
        rows = [(one.halt_id[:12], one.code, one.message, one.since, one.actor or "the system") for one in halts]
        table(["halt", "code", "cause", "since", "set by"], rows, title="Halts to clear:")
        _tell_stopped_groups(states)
    if sys.stdin.isatty() and not (yes or operator.as_json) and not typer.confirm("Go on?", err=True):
        raise typer.Exit(exits.BAD_NEWS)
    operator.order(
        "resume",
        scope.key,
        reason,
        expected_halt_ids=tuple(one.halt_id for one in halts),
        accept_unverified=accept_unverified,
        **scope.fields,
    )


def _tell_stopped_groups(states: LoopStates) -> None:
    """Their next leg starts when nothing stops it any more."""
    from tightloop.client.group_states import phase_of, words

    for state in states.keys.values():
        for group in state.groups:
            if phase_of(group, state.head) == "stopped":
                note(f"group {group.group_id} of {state.strategy_id}: {words(group, state.head)}")
                note(f"`tightloop cancel {group.group_id}` before this resume, if it must not start")


def _standing(states: LoopStates, scope: Scope) -> list[Halt]:
    if scope.key is not None:
        state = states.keys.get(scope.key)
        return list(state.head.halts) if state else []
    name, venue = scope.fields["scope"], venue_name(scope.venue)
    return [one for one in states.shared if one.scope == name and venue in (None, one.venue)]


def _chosen(halt: Halt, only: list[str] | None) -> bool:
    return not only or any(halt.halt_id.startswith(one) for one in only)


def add_to(app: typer.Typer) -> None:
    add(app, resume, 'tightloop resume strategy-1 --reason "positions checked by hand"')
