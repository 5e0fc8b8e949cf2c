"""How a command becomes part of ``tightloop``: its name, its example, and its groups of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, cast, get_type_hints

import typer


def add(app: typer.Typer, command: Callable[..., None], *example: str, name: str | None = None) -> None:
    """``example``: lines that the help shows. ``name``: by default the function's."""
    lines = "".join(f"\n  {line}" for line in example)
    app.command(name or command.__name__, epilog=f"Example:\n\n\b{lines}")(expanded(command))


def subcommands(of: str) -> typer.Typer:
    """A command with commands of its own. ``of``: what they are about, for its help."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=of)


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer takes it: a parameter whose type is a dataclass becomes that one's fields, as options."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {one.name: one.annotation for one in own if is_dataclass(one.annotation)}
    options = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own if one.name not in groups]
    for group in groups.values():
        options += _options_of(group)

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
        command(**given)

    seen_by_typer = cast(Any, called)
    seen_by_typer.__signature__ = inspect.Signature(options)
    seen_by_typer.__annotations__ = {one.name: one.annotation for one in options}
    return called


def _options_of(group: Any) -> list[inspect.Parameter]:
    annotations = get_type_hints(group, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(one.name, kind, default=one.default, annotation=annotations[one.name])
        for one in fields(group)
    ]
