"""Options that several commands share, and the installation that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tightloop.assembly.config import Config
    from tightloop.runners.kafka.settings import KafkaSettings

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file (default: tightloop.toml, if there)."),
]
Bootstrap = Annotated[
    str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Kafka's address (default: as configured).")
]
Prefix = Annotated[
    str | None, typer.Option("--prefix", help="What the names of this system's topics and groups begin with.")
]
Environment = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="dev, staging or prod (default: as configured): whose credentials."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else there.")]
StateDir = Annotated[Path, typer.Option("--dir", help="Where `tightloop up` keeps its state, data and logs.")]
DEFAULT_DIR = Path(".tightloop")


@dataclass(frozen=True)
class Installation:
    """Which installation of tightloop a command is about."""

    config: ConfigFile = None
    bootstrap: Bootstrap = None
    prefix: Prefix = None
    env: Environment = None

    def load(self, **flags: Any) -> tuple[Config, dict[str, str]]:
        """The configuration with these options and ``flags`` on top, and each value's origin.

        Raises ExecutionError EIF-010.
        """
        from tightloop.assembly.config import load

        given = {"bootstrap": self.bootstrap, "prefix": self.prefix, "environment": self.env}
        return load(self.config, {**given, **flags})

    def configuration(self, **flags: Any) -> Config:
        return self.load(**flags)[0]

    def kafka(self, directory: Path = DEFAULT_DIR) -> KafkaSettings:
        """Where Kafka is: as given or configured; else the broker that `tightloop up` runs from ``directory``."""
        from tightloop.client.consumer import bus

        found = self.configuration()
        return bus(found.bootstrap or running_bootstrap(directory) or "", found.prefix, quiet(found.kafka))


def quiet(client: Mapping[str, str]) -> dict[str, Any]:
    """Kafka's client prints every failed connection on standard error; the command itself says what went wrong."""
    return {"log_level": 0, **client}


def running_bootstrap(directory: Path) -> str | None:
    """The address of the broker that `tightloop up` runs from ``directory``, if there is one: also when its supervisor
    is gone, as an operator must still reach components that go on trading.
    """
    from tightloop.cli.system.system_state import read_state

    state = read_state(directory)
    return state.bootstrap if state is not None and state.has_broker else None
