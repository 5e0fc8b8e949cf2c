"""A group of options is one definition for every command that takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from tightloop.cli.registration import add


@dataclass(frozen=True)
class Group:
    size: Annotated[int, typer.Option("--size", help="How large.")] = 3
    name: Annotated[str | None, typer.Option("--name")] = None


@dataclass(frozen=True)
class LargerGroup(Group):
    size: Annotated[int, typer.Option("--size", help="How large.")] = 30


def invoked(group: type[Group], *arguments: str) -> str:
    def command(place: Annotated[str, typer.Argument()], group: Group) -> None:
        typer.echo(f"{place} {group}")

    command.__annotations__["group"] = group
    app = typer.Typer(rich_markup_mode=None)
    add(app, command, "one line", "another")
    return CliRunner().invoke(app, list(arguments)).stdout


def test_the_fields_of_a_group_are_options_of_the_command() -> None:
    assert invoked(Group, "here", "--size", "5", "--name", "x").strip() == f"here {Group(5, 'x')}"
    assert invoked(Group, "here").strip() == f"here {Group()}"


def test_a_group_may_have_other_defaults() -> None:
    assert invoked(LargerGroup, "here").strip() == f"here {LargerGroup(30)}"


def test_the_help_shows_the_groups_options_and_the_example() -> None:
    shown = invoked(Group, "--help")
    assert "How large." in shown
    assert "\n    one line\n    another\n" in shown, shown
