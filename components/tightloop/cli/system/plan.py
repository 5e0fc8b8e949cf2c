"""What a system consists of: which processes, with which command lines, in which order."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from tightloop.assembly.build import EXECUTOR, every_component
from tightloop.assembly.config import Config
from tightloop.broker.ports import free_port
from tightloop.cli.system.child import Spec

PLAN_FILE = "plan.json"
_PROGRAM = (sys.executable, "-m", "tightloop.cli")


class Plan(Struct, frozen=True, kw_only=True):
    """``config_file``: what every process is given, beside the variables of the environment and ``variables``.

    ``starts_simulator``: venues of our own, with their books in the directory; otherwise those that the configuration
    names. ``until_closed``: the supervisor ends with its standard input. ``fast``: the broker's full JIT.
    """

    directory: Path
    config: Config
    config_file: Path | None = None
    replicas: int = 1
    partitions: int | None = None
    starts_simulator: bool = True
    until_closed: bool = False
    fast: bool = False
    market: Path | None = None
    seed: int = 1
    market_origin: datetime | None = None
    variables: dict[str, str] = {}

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """Its variables; and so that the processes find this very package, wherever they are started."""
        root = str(Path(__file__).parents[3])
        others = os.environ.get("PYTHONPATH")
        return {**self.variables, "PYTHONPATH": f"{root}{os.pathsep}{others}" if others else root}


def write_plan(plan: Plan) -> Path:
    """Into its directory, for the supervisor."""
    plan.logs.mkdir(parents=True, exist_ok=True)
    file = plan.directory / PLAN_FILE
    content = {
        "directory": str(plan.directory),
        "config": plan.config.model_dump(mode="json"),
        "config_file": str(plan.config_file) if plan.config_file else None,
        "replicas": plan.replicas,
        "partitions": plan.partitions,
        "starts_simulator": plan.starts_simulator,
        "until_closed": plan.until_closed,
        "fast": plan.fast,
        "market": str(plan.market) if plan.market else None,
        "seed": plan.seed,
        "market_origin": plan.market_origin.isoformat() if plan.market_origin else None,
        "variables": plan.variables,
    }
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # client settings may hold a password
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(content, out)
    return file


def read_plan(file: Path) -> Plan:
    found = json.loads(file.read_text(encoding="utf-8"))
    paths = {name: Path(found[name]) if found[name] else None for name in ("config_file", "market")}
    origin = datetime.fromisoformat(found["market_origin"]).astimezone(UTC) if found["market_origin"] else None
    given = {**found, **paths, "directory": Path(found["directory"]), "market_origin": origin}
    return Plan(**{**given, "config": Config.model_validate(found["config"])})


def simulator_spec(plan: Plan, bootstrap: str) -> Spec:
    """``bootstrap``: where the venues publish what they trade at."""
    port = free_port()
    command = [
        *(*_PROGRAM, "sandbox", "sim", "--port", str(port), "--dir", str(plan.directory / "venues")),
        *("--seed", str(plan.seed), "--bootstrap", bootstrap, "--prefix", plan.config.prefix),
    ]
    if plan.config_file is not None:
        command += ["--config", str(plan.config_file)]
    if plan.market is not None:
        command += ["--market", str(plan.market)]
    if plan.market_origin is not None:
        command += ["--market-origin", plan.market_origin.isoformat()]
    health = "/admin/health"
    return Spec(name="venues", component="simulator", command=tuple(command), port=port, health=health, live=health)


def component_specs(plan: Plan, bootstrap: str, simulator: str) -> list[Spec]:
    """Every component, each replica under a name that it keeps through every restart."""
    specs = []
    taken: set[int] = set()
    for component, lane in every_component(plan.config):
        for number in range(plan.replicas):
            port = free_port(frozenset(taken))
            taken.add(port)
            specs.append(_component_spec(plan, component, lane, str(number), port, bootstrap, simulator))
    return specs


def _component_spec(
    plan: Plan, component: str, lane: str | None, replica: str, port: int, bootstrap: str, simulator: str
) -> Spec:
    name = f"{component}-{lane}" if component == EXECUTOR else component
    command = [*_PROGRAM, "run", component, *([lane] if lane else [])]
    command += ["--replica", replica, "--probe-port", str(port), "--bootstrap", bootstrap, "--simulator", simulator]
    command += ["--prefix", plan.config.prefix, "--env", plan.config.environment]
    if plan.config_file is not None:
        command += ["--config", str(plan.config_file)]
    return Spec(
        name=f"{name}.{replica}",
        component=component,
        lane=lane,
        replica=replica,
        command=tuple(command),
        port=port,
        health="/ready",
        live="/live",
    )
