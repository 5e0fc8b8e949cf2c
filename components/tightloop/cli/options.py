"""Options that several commands share, and the configuration they lead to."""

from __future__ import annotations

from collections.abc import Mapping
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
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else there.")]
StateDir = Annotated[Path, typer.Option("--dir", help="Where `tightloop up` keeps its state, data and logs.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the effect; 0: only write the command.")
]
DEFAULT_DIR = Path(".tightloop")


def configured(config: Path | None, **flags: Any) -> Config:
    """The configuration with these flags on top. Raises ExecutionError EIF-010."""
    from tightloop.assembly.config import load

    return load(config, flags)[0]


def bus(config: Path | None, bootstrap: str | None, prefix: str | None, directory: Path = DEFAULT_DIR) -> KafkaSettings:
    """Where Kafka is: as given or configured; else the broker that `tightloop up` runs from this directory."""
    from tightloop.client.consumer import bus as connect

    found = configured(config, bootstrap=bootstrap, prefix=prefix)
    return connect(found.bootstrap or running_bootstrap(directory) or "", found.prefix, quiet(found.kafka))


def quiet(client: Mapping[str, str]) -> dict[str, Any]:
    """Kafka's client prints every failed connection on standard error; the command itself says what went wrong."""
    return {"log_level": 0, **client}


def running_bootstrap(directory: Path) -> str | None:
    """The address of the broker that `tightloop up` runs from ``directory``, if it does: also when only its supervisor
    is gone, as what trades on must not be out of an operator's reach.
    """
    from tightloop.cli.system.state import read_state

    state = read_state(directory)
    return state.bootstrap if state is not None and state.has_broker else None
