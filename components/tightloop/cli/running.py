"""``run``: one component in the foreground. ``sandbox``: what stands in for venues."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tightloop.cli import logs
from tightloop.cli.options import Bootstrap, ConfigFile, Prefix, configured, quiet


def run(
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
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
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
    found = configured(config, bootstrap=bootstrap, prefix=prefix, simulator=simulator)
    bus(found.bootstrap)  # says what is missing when there is no address
    # the client's own words for a lost connection would be twenty lines a second, none of them JSON
    found = found.model_copy(update={"kafka": {"error_cb": logs.KafkaErrors(), **quiet(found.kafka)}})
    with reaching(found.bootstrap):
        code = run_component(component, lane, found, replica=replica, probe_port=probe_port, probe_host=probe_host)
    raise typer.Exit(code)


sandbox = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Stand-ins for venues, with books of their own and faults."
)


@sandbox.command("sim", epilog="Example:\n\n\b\n  tightloop sandbox sim --port 8900 --dir books --market data/market")
def sim(
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0: a free one.")] = 8900,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the books are kept; without it they are in memory only.")
    ] = None,
    market: Annotated[
        Path | None, typer.Option("--market", help="Folder of market data; without it one is made from the seed.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the synthetic market.")] = 1,
    clock: Annotated[Literal["wall", "manual"], typer.Option("--clock", help="manual: only /admin/clock moves it.")] = (
        "wall"
    ),
    market_origin: Annotated[
        str | None, typer.Option("--market-origin", help="The wall time (ISO) of the market's first record.")
    ] = None,
    acceptance_window: Annotated[
        float | None, typer.Option("--acceptance-window", help="Seconds for which an exchange takes a signed request.")
    ] = None,
) -> None:
    """The simulated venues as a server: durable books of their own, faults at /admin.

    Says where it listens in one line of JSON, and runs until SIGTERM or Ctrl-C.
    """
    from datetime import datetime

    from msgspec.structs import replace

    from tightloop.errors import ExecutionError
    from tightloop.venues.sim.server import announce, serve
    from tightloop.venues.sim.settings import SimSettings

    logs.configure()
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    if market is not None and not market.is_dir():
        raise ExecutionError("EIF-010", f"--market: {market} is no folder")
    settings = SimSettings(
        host=host,
        port=port,
        data_dir=str(directory) if directory else None,
        market_dir=str(market) if market else None,
        seed=seed,
        clock=clock,
        market_origin=datetime.fromisoformat(market_origin) if market_origin else None,
    )
    if acceptance_window is not None:
        exchanges = tuple(replace(one, acceptance_window_s=acceptance_window) for one in settings.exchanges)
        settings = replace(settings, exchanges=exchanges)
    try:
        serve(settings, announce)
    except (OSError, ValueError) as error:
        raise ExecutionError("EIF-010", f"the simulated venues could not start: {error}") from error


def add_to(app: typer.Typer) -> None:
    example = "tightloop run interface-manager --replica 0 --probe-port 9100\n  tightloop run executor binance"
    epilog = f"Example:\n\n\b\n  {example}"
    app.command("run", epilog=epilog)(run)
    app.add_typer(sandbox, name="sandbox")
