"""``sandbox``: what stands in for venues."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tightloop.cli import logs
from tightloop.cli.options import ConfigFile, Prefix, quiet
from tightloop.cli.registration import add, subcommands

if TYPE_CHECKING:
    from tightloop.assembly.config import Config
    from tightloop.venues.sim.sandbox import Sandbox

TOLD_EVERY_S = 5.0  # market data
EXCHANGES = (  # name, usual port, what it speaks
    ("binance", 8901, "Binance's REST dialect, spot and USD-M futures"),
    ("bybit", 8902, "Bybit's v5 REST dialect, spot and linear perpetuals of the unified account"),
    ("okx", 8903, "OKX's v5 REST dialect, spot and linear perpetuals of the trading account"),
)

Host = Annotated[str, typer.Option("--host", help="Where to listen.")]
Port = Annotated[int, typer.Option("--port", help="0: a free one.")]
Market = Annotated[
    Path | None, typer.Option("--market", help="Folder of market data; without it one is made from the seed.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of the synthetic market.")]
Clock = Annotated[Literal["wall", "manual"], typer.Option("--clock", help="manual: only /admin/clock moves it.")]

sandbox = subcommands("Stand-ins for venues, with books of their own and faults.")


def sim(
    host: Host = "127.0.0.1",
    port: Port = 8900,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the books are kept; without it they are in memory only.")
    ] = None,
    market: Market = None,
    seed: Seed = 1,
    clock: Clock = "wall",
    market_origin: Annotated[
        str | None, typer.Option("--market-origin", help="The wall time (ISO) of the market's first record.")
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--bootstrap", metavar="HOST:PORT", help="Publish what they trade at on the topic market_data there."
        ),
    ] = None,
    prefix: Prefix = None,
    config: ConfigFile = None,
) -> None:
    """The simulated venues as a server: durable books of their own, faults at /admin.

    Their lanes are those of the configuration, and all others that need no more than a name.
    Says where it listens in one line of JSON, and runs until SIGTERM or Ctrl-C.
    """
    from datetime import datetime

    from tightloop.assembly.config import load
    from tightloop.assembly.lanes import with_lanes
    from tightloop.errors import ExecutionError
    from tightloop.venues import registry
    from tightloop.venues.sim.server import announce, serve
    from tightloop.venues.sim.settings import SimSettings

    logs.configure()
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    if market is not None and not market.is_dir():
        raise ExecutionError("EIF-010", f"--market: {market} is not a folder")
    known = registry.known()
    loaded, _ = load(config, {"prefix": prefix})
    lanes = {lane.name: lane for lane in known.lanes()} | loaded.directory().lanes
    settings = SimSettings(
        exchanges=(),
        chains=(),
        host=host,
        port=port,
        data_dir=str(directory) if directory else None,
        market_dir=str(market) if market else None,
        seed=seed,
        clock=clock,
        market_origin=datetime.fromisoformat(market_origin) if market_origin else None,
    )
    try:
        serve(with_lanes(settings, lanes, known), announce, _telling(bootstrap, loaded) if bootstrap else None)
    except (OSError, ValueError) as error:
        raise ExecutionError("EIF-010", f"the simulated venues could not start: {error}") from error


def _telling(bootstrap: str, config: Config) -> Callable[[Sandbox], Awaitable[None]]:
    """Publishes what the venues trade at, every few seconds, while the server runs. Nothing waits for it."""
    import asyncio

    import structlog

    from tightloop.client.market_stream import MarketStream
    from tightloop.runners.kafka.settings import KafkaSettings
    from tightloop.venues.sim.quotes import quotes

    log = structlog.get_logger()
    stream = MarketStream(KafkaSettings(bootstrap=bootstrap, prefix=config.prefix, client=quiet(config.kafka)))

    async def tell(sandbox: Sandbox) -> None:
        try:
            while True:
                try:
                    await asyncio.to_thread(stream.offer, quotes(sandbox))
                except Exception:  # the server needs none of this, and the next try may succeed
                    log.exception("market data was not published")
                await asyncio.sleep(TOLD_EVERY_S)
        finally:
            stream.close()

    return tell


def exchange(name: str, port: int, what: str) -> Callable[..., None]:
    """The command of one exchange's sandbox. ``what``: whose dialect of what it speaks, for its help."""

    def command(
        directory: Annotated[Path, typer.Option("--dir", help="Where the books and the API keys are kept.")] = Path(
            f"{name}-sandbox"
        ),
        host: Host = "127.0.0.1",
        port: Port = port,
        market: Market = None,
        seed: Seed = 1,
        clock: Clock = "wall",
        account: Annotated[str, typer.Option("--account", help="Whose the keys are, in the books.")] = "main",
    ) -> None:
        from tightloop.errors import ExecutionError
        from tightloop.venues.dialects.serving import serve, settings, stand_in
        from tightloop.venues.sim.server import announce

        logs.configure()
        directory.mkdir(parents=True, exist_ok=True)
        if market is not None and not market.is_dir():
            raise ExecutionError("EIF-010", f"--market: {market} is not a folder")
        of = stand_in(name)
        try:
            made = settings(of, directory, host, port, str(market) if market else None, seed, clock)
            serve(of, made, directory, account, announce)
        except (OSError, ValueError) as error:
            raise ExecutionError("EIF-010", f"the sandbox could not start: {error}") from error

    command.__doc__ = f"""A local server that speaks {what}: signed requests, faults at /admin.

    Makes API keys at its first start: DIR/keys.env has them as the variables that components read. Says where it
    listens in one line of JSON, and runs until SIGTERM or Ctrl-C.
    """
    return command


def add_to(app: typer.Typer) -> None:
    add(sandbox, sim, "tightloop sandbox sim --port 8900 --dir books --market data/market")
    for name, port, what in EXCHANGES:
        example = f"tightloop sandbox {name} --port {port} --dir {name}-sandbox"
        add(sandbox, exchange(name, port, what), example, name=name)
    app.add_typer(sandbox, name="sandbox")
