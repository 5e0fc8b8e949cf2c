"""An operator's command: a record on ``control``, with who and why, and its effect."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note

if TYPE_CHECKING:
    from tightloop.client.command_effects import Effect
    from tightloop.domain.directory import Directory
    from tightloop.records.types import ControlCommand, Delta
    from tightloop.runners.kafka.settings import KafkaSettings

Key = Annotated[str, typer.Argument(metavar="KEY", help="The strategy's id.")]
OwnKey = Annotated[str | None, typer.Option("--key", help="The instruction's strategy, if its id is not known.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]
Version = Annotated[int, typer.Option("--expected-version", help="The position version it was decided on.")]
Deltas = Annotated[
    list[str] | None, typer.Option("--delta", metavar="POSITION=AMOUNT", help="Such as binance:BaseToken:BTC=-0.5.")
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the effect; 0: only write the command.")
]


@dataclass(frozen=True)
class Scope:
    """One key, everything at a venue, or all. Raises typer.BadParameter unless it is exactly one of them."""

    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The strategy's id.")] = None
    venue: Annotated[str | None, typer.Option("--venue", help="Every key, at this venue.")] = None
    everything: Annotated[bool, typer.Option("--all", help="Every key, everywhere.")] = False

    def __post_init__(self) -> None:
        if sum((self.key is not None, self.venue is not None, self.everything)) != 1:
            raise typer.BadParameter("give exactly one of KEY, --venue and --all")

    @property
    def fields(self) -> dict[str, str | None]:
        """Of the command. Raises ExecutionError EIM-006 for a venue that is unknown."""
        name = "key" if self.key is not None else "venue" if self.venue is not None else "all"
        return {"scope": name, "venue": venue_name(self.venue)}


@dataclass(frozen=True)
class Operator(Installation):
    """Writes a command and reports its effect, as text or JSON."""

    wait: Wait = 10.0
    as_json: AsJson = False

    @cached_property
    def settings(self) -> KafkaSettings:
        return self.kafka()

    @cached_property
    def directory(self) -> Directory:
        return self.configuration().directory()

    def strategy_of(self, target: str) -> str:
        """Raises ExecutionError EIM-016 for an instruction that no strategy published, or several did."""
        from tightloop.client.lookup import strategy_of

        return strategy_of(self.settings, target)

    def order(self, command: str, key: str | None, reason: str, **fields: Any) -> None:
        """Exit code 1 unless it is done. Raises ExecutionError EIM-016 for a command that cannot be one."""
        import msgspec

        from tightloop.client.command_effects import carry_out
        from tightloop.client.control import ControlClient
        from tightloop.errors import ExecutionError
        from tightloop.records.types import ControlCommand

        control = ControlClient(self.settings)
        record = control.command(command, key, reason, **fields)
        try:
            msgspec.convert(msgspec.to_builtins(record), ControlCommand, strict=False)
        except msgspec.ValidationError as error:
            remedy = "Correct the option that it names."
            raise ExecutionError("EIM-016", f"{command}: {error}", remedy=remedy) from error
        self._report(record, carry_out(control, record, self.wait, self._show_step))

    def _show_step(self, effect: Effect) -> None:
        if not effect.final and not self.as_json:
            note(effect.message)

    def _report(self, command: ControlCommand, effect: Effect) -> None:
        written_only = self.wait == 0
        if self.as_json:
            document = {"command_id": command.command_id, "command": command.command, "actor": command.actor}
            emit({**document, "state": "written" if written_only else effect.state, "message": effect.message})
        elif written_only:
            typer.echo(f"written: {command.command} {command.command_id}")
        else:
            typer.echo(f"{effect.state}: {effect.message}")
        if not written_only and effect.state != "done":
            raise typer.Exit(exits.BAD_NEWS)


def venue_name(given: str | None) -> str | None:
    """The venue's own name. Raises ExecutionError EIM-006 for one that is unknown."""
    if given is None:
        return None
    from tightloop.venues import registry

    return registry.known().venues.find(given).name


def parsed_deltas(given: list[str] | None, source: str) -> tuple[Delta, ...]:
    """Each is POSITION=AMOUNT."""
    from tightloop.records.types import Delta

    found = []
    for text in given or ():
        key, equals, amount = text.rpartition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not POSITION=AMOUNT", param_hint="--delta")
        found.append(Delta(position_key=key, amount=parsed_number(amount, "--delta"), source=source))
    return tuple(found)


def parsed_number(text: str, option: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number", param_hint=option) from None
    if not number.is_finite():
        raise typer.BadParameter(f"{text!r} is not a finite number", param_hint=option)
    return number
