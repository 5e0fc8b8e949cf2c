"""What holds for every command: its help, and wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.commands.running import run

from tightloop.cli import commands

COMMANDS = (
    *("demo", "up", "down", "run", "status", "publish", "tail", "show", "halt", "resume", "adjust", "resolve"),
    *("cancel", "adopt", "export", "errors", "config", "doctor", "gates", "bench"),
    *("dead-letters list", "dead-letters show", "dead-letters retry", "topics plan", "topics check", "topics create"),
    *("schemas list", "schemas ids", "schemas show", "schemas check", "sandbox sim"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert f"tightloop {command.split()[0]}" in done.stdout.partition("Example:")[2] or command == "config"


def test_each_command_is_in_the_file_of_its_name() -> None:
    folder = Path(commands.__file__).parent
    files = {file.stem.replace("_", "-") for file in folder.glob("*.py")} - {"--init--"}
    assert files == {command.split()[0] for command in COMMANDS}


def test_an_unknown_option_is_wrong_usage() -> None:
    assert run("status", "--jsno").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("halt",),
        ("halt", "s1", "--all"),
        ("resume", "s1"),
        ("adjust", "s1", "--reason", "x"),
        ("adjust", "s1", "--expected-version", "1", "--delta", "no amount", "--reason", "x", "--bootstrap", "a:1"),
        ("adjust", "s1", "--expected-version", "1", "--delta", "a:b:c=NaN", "--reason", "x", "--bootstrap", "a:1"),
        ("halt", "--venue", "binanse", "--bootstrap", "a:1"),
        ("dead-letters", "retry"),
        ("run", "executor"),
        ("run", "interface-manager", "binance"),
        ("demo", "--data", "nowhere"),
        ("gates", "--section", "factroy"),
        ("gates", "--market", "nowhere"),
        ("bench", "--seconds", "0"),
        ("--log-level", "loud", "errors"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


# --- publish ----------------------------------------------------------------------------------------------------------
