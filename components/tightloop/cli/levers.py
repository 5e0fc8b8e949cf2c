"""The operator's levers: each writes a record on ``control``, with who and why, and says what came of it."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Bootstrap, ConfigFile, Prefix, Reason, Wait
from tightloop.cli.output import emit, note, table

if TYPE_CHECKING:
    from tightloop.client.command_effects import Effect
    from tightloop.records.types import ControlCommand, Delta, Halt
    from tightloop.runners.kafka.settings import KafkaSettings

Key = Annotated[str, typer.Argument(metavar="KEY", help="The strategy's id.")]
MaybeKey = Annotated[str | None, typer.Argument(metavar="[KEY]", help="The strategy's id.")]
Venue = Annotated[str | None, typer.Option("--venue", help="Every key, at this venue.")]
Everyone = Annotated[bool, typer.Option("--all", help="Every key, everywhere.")]
Deltas = Annotated[
    list[str] | None, typer.Option("--delta", metavar="POSITION=AMOUNT", help="Such as binance:BaseToken:BTC=-0.5.")
]
Version = Annotated[int, typer.Option("--expected-version", help="The position version it was decided on.")]
Owner = Annotated[str | None, typer.Option("--key", help="The instruction's strategy, if its id is not known.")]


def halt(
    key: MaybeKey = None,
    venue: Venue = None,
    everyone: Everyone = False,
    cancel_working: Annotated[bool, typer.Option("--cancel-working", help="Also cancel the orders that work.")] = False,
    reason: Reason = "",
    wait: Wait = 10.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Stop dispatching: one key, everything at a venue, or all. What is in flight is finished and applied."""
    scope = _scope(key, venue, everyone)
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    lever.pull("halt", key, reason or "halted by hand", scope=scope, venue=_venue(venue), cancel_working=cancel_working)


def resume(
    reason: Annotated[str, typer.Option("--reason", help="Why it is safe to go on.")],
    key: MaybeKey = None,
    venue: Venue = None,
    everyone: Everyone = False,
    only: Annotated[
        list[str] | None, typer.Option("--halt", help="Only this halt, by the beginning of its id (may be repeated).")
    ] = None,
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="Go on although the positions were not verified. Recorded.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = 45.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Clear the halts that stand, which are shown first; a key goes on once its positions are verified."""
    scope = _scope(key, venue, everyone)
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    halts = [one for one in _standing(lever.settings, key, venue, scope) if _chosen(one, only)]
    if not halts:
        note("there is no such halt to clear" if only else "nothing of that scope is halted")
        raise typer.Exit(exits.BAD_NEWS)
    if not as_json:
        rows = [(one.halt_id[:12], one.code, one.message, one.since, one.actor or "the system") for one in halts]
        table(["halt", "code", "cause", "since", "set by"], rows, title="These halts are cleared:")
    if sys.stdin.isatty() and not (yes or as_json) and not typer.confirm("Go on?", err=True):
        raise typer.Exit(exits.BAD_NEWS)
    lever.pull(
        "resume",
        key,
        reason,
        scope=scope,
        venue=_venue(venue),
        expected_halt_ids=tuple(one.halt_id for one in halts),
        accept_unverified=accept_unverified,
    )


def adjust(
    key: Key,
    expected_version: Version,
    reason: Reason,
    deltas: Deltas = None,
    venue: Annotated[str | None, typer.Option("--venue", help="Of the account (default: the first delta's).")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Default: the strategy's own.")] = None,
    wait: Wait = 10.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Change the expected positions by hand. Refused when they have moved on from --expected-version."""
    changes = _deltas(deltas, "adjustment")
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    lever.must_know(key)
    lever.pull(
        "adjust",
        key,
        reason,
        venue=_venue(venue),
        account=account,
        expected_position_version=expected_version,
        deltas=changes,
    )


def resolve(
    target: Annotated[str, typer.Argument(metavar="ID", help="Instruction id or client order id.")],
    outcome: Annotated[str, typer.Option("--outcome", help="none, filled, partially_filled, rejected, cancelled, …")],
    reason: Reason,
    deltas: Deltas = None,
    filled_amount: Annotated[
        str | None, typer.Option("--filled-amount", help="What it filled in all, in base units.")
    ] = None,
    key: Owner = None,
    wait: Wait = 10.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of an intent whose loop ended `unknown`. --delta: every change of a position, complete."""
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    lever.pull(
        "resolve",
        key or lever.owner(target),
        reason,
        target_id=target,
        outcome=outcome,
        deltas=_deltas(deltas, "correction"),
        filled_amount=None if filled_amount is None else _number(filled_amount, "--filled-amount"),
    )


def cancel(
    target: Annotated[str, typer.Argument(metavar="ID", help="The instruction's id.")],
    reason: Reason = "cancelled by hand",
    key: Owner = None,
    wait: Wait = 10.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an instruction that is queued, or whose order works. What did fill counts."""
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    lever.pull("cancel", key or lever.owner(target), reason, target_id=target)


def adopt(
    key: Key,
    expected_version: Version,
    reason: Reason,
    wait: Wait = 10.0,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Take over an account's positions as they were found, so that its key may trade."""
    lever = _Lever(config, bootstrap, prefix, wait, as_json)
    lever.pull("adopt", key, reason, expected_position_version=expected_version)


class _Lever:
    """Writes a command and reports what came of it, as text or JSON."""

    def __init__(
        self, config: Path | None, bootstrap: str | None, prefix: str | None, wait: float, as_json: bool
    ) -> None:
        from tightloop.cli.options import bus

        self.settings = bus(config, bootstrap, prefix)
        self._wait = wait
        self._as_json = as_json

    def owner(self, target: str) -> str:
        from tightloop.client.lookup import strategy_of

        return strategy_of(self.settings, target)

    def must_know(self, key: str) -> None:
        """What is wrong with a key that is only misspelt must not become books of its own."""
        from tightloop.client.lookup import check_known

        check_known(self.settings, key)

    def pull(self, name: str, key: str | None, reason: str, **fields: Any) -> None:
        import msgspec

        from tightloop.client.command_effects import carry_out
        from tightloop.client.control import ControlClient
        from tightloop.errors import ExecutionError
        from tightloop.records.types import ControlCommand

        control = ControlClient(self.settings)
        command = control.command(name, key, reason, **fields)
        try:
            msgspec.convert(msgspec.to_builtins(command), ControlCommand, strict=False)
        except msgspec.ValidationError as error:
            raise ExecutionError("EIM-016", f"{name}: {error}", remedy="Correct the option that it names.") from error
        effect = carry_out(control, command, self._wait, self._told)
        self._report(command, effect)

    def _told(self, effect: Effect) -> None:
        if not effect.final and not self._as_json:
            note(effect.message)

    def _report(self, command: ControlCommand, effect: Effect) -> None:
        written_only = self._wait == 0
        if self._as_json:
            document = {"command_id": command.command_id, "command": command.command, "actor": command.actor}
            emit({**document, "state": "written" if written_only else effect.state, "message": effect.message})
        elif written_only:
            typer.echo(f"written: {command.command} {command.command_id}")
        else:
            typer.echo(f"{effect.state}: {effect.message}")
        if not written_only and effect.state != "done":
            raise typer.Exit(exits.BAD_NEWS)


def _scope(key: str | None, venue: str | None, everyone: bool) -> str:
    if sum((key is not None, venue is not None, everyone)) != 1:
        raise typer.BadParameter("give exactly one of KEY, --venue and --all")
    return "key" if key is not None else "venue" if venue is not None else "all"


def _venue(name: str | None) -> str | None:
    """Its own name. Raises ExecutionError EIM-006 for one that is unknown."""
    if name is None:
        return None
    from tightloop.domain.venues import venue

    return venue(name).name


def _standing(settings: KafkaSettings, key: str | None, venue: str | None, scope: str) -> list[Halt]:
    from tightloop.client.key_states import LoopStateReader

    states = LoopStateReader(settings).read(key)
    if key is not None:
        state = states.keys.get(key)
        return list(state.head.halts) if state else []
    return [one for one in states.shared if one.scope == scope and (venue is None or one.venue == _venue(venue))]


def _chosen(halt: Halt, only: list[str] | None) -> bool:
    return not only or any(halt.halt_id.startswith(one) for one in only)


def _deltas(given: list[str] | None, source: str) -> tuple[Delta, ...]:
    from tightloop.records.types import Delta

    found = []
    for text in given or ():
        key, equals, amount = text.rpartition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not POSITION=AMOUNT", param_hint="--delta")
        found.append(Delta(position_key=key, amount=_number(amount, "--delta"), source=source))
    return tuple(found)


def _number(text: str, option: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number", param_hint=option) from None
    if not number.is_finite():
        raise typer.BadParameter(f"{text!r} is no number", param_hint=option)
    return number


def add_to(app: typer.Typer) -> None:
    def example(text: str) -> str:
        return f"Example:\n\n\b\n  {text}"

    app.command("halt", epilog=example('tightloop halt strategy-1 --reason "venue looks wrong"'))(halt)
    app.command("resume", epilog=example('tightloop resume strategy-1 --reason "positions checked by hand"'))(resume)
    text = (
        "tightloop adjust strategy-1 --expected-version 17 --delta binance:BaseToken:BTC=-0.5 \\\n"
        '    --reason "withdrawn by hand"'
    )
    app.command("adjust", epilog=example(text))(adjust)
    text = (
        "tightloop resolve i-17 --outcome filled --filled-amount 0.1 --delta binance:BaseToken:BTC=0.1 \\\n"
        '    --delta binance:BaseToken:USDT=-4210 --reason "by the venue\'s support"'
    )
    app.command("resolve", epilog=example(text))(resolve)
    app.command("cancel", epilog=example("tightloop cancel i-17"))(cancel)
    text = 'tightloop adopt strategy-1 --expected-version 1 --reason "opening positions checked"'
    app.command("adopt", epilog=example(text))(adopt)
