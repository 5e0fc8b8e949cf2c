"""``run``: one component in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli import logs
from tightloop.cli.options import Installation, quiet
from tightloop.cli.registration import add


def run(
    installation: Installation,
    component: Annotated[
        str, typer.Argument(help="interface-manager, executor, position-update-handler or reconciliation.")
    ],
    lane: Annotated[str | None, typer.Argument(help="The executor's lane, such as binance or ethereum.")] = None,
    replica: Annotated[
        str, typer.Option("--replica", help="A name for this replica: the same after a restart, no two alike.")
    ] = "0",
    probe_port: Annotated[
        int | None,
        typer.Option("--probe-port", help="Serve /live, /ready, /status and /metrics there."),
    ] = None,
    probe_host: Annotated[
        str, typer.Option("--probe-host", help="Where to serve them; in a container 0.0.0.0. They need no password.")
    ] = "127.0.0.1",
    simulator: Annotated[
        str | None, typer.Option("--simulator", metavar="HOST:PORT", help="The simulated venues' address.")
    ] = None,
) -> None:
    """Run one component in the foreground, until SIGTERM or Ctrl-C. This is what containers run.

    Exit code 75: it must be started again (a supervisor does so).
    """
    from tightloop.assembly.process import run_component
    from tightloop.client.connect import reaching
    from tightloop.client.consumer import bus
    from tightloop.errors import ExecutionError

    if (component == "executor") != (lane is not None):
        raise ExecutionError("EIF-010", "an executor needs its lane, and only an executor has one")
    logs.configure()
    found = installation.configuration(simulator=simulator)
    bus(found.bootstrap)  # says what is missing when there is no address
    # the client's own words for a lost connection would be twenty lines a second, none of them JSON
    found = found.model_copy(update={"kafka": {"error_cb": logs.KafkaErrors(), **quiet(found.kafka)}})
    with reaching(found.bootstrap):
        code = run_component(component, lane, found, replica=replica, probe_port=probe_port, probe_host=probe_host)
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    add(
        app,
        run,
        "tightloop run interface-manager --replica 0 --probe-port 9100",
        "tightloop run executor binance --env dev",
    )
