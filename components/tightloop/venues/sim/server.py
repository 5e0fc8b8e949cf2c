"""The simulated venues as a server of their own: HTTP/1.1, JSON, decimals as strings, books that outlive it.

``python -m tightloop.venues.sim.server --port 8099 --dir books`` runs it, says where it listens in one line of JSON on
standard output (and in ``server.json`` beside the books), and stops on SIGTERM. What it answers to is in ``routes.py``
and ``admin.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import msgspec
from aiohttp import web

from tightloop.domain import money
from tightloop.venues.sim.answers import answering
from tightloop.venues.sim.log import LogDamaged
from tightloop.venues.sim.routes import Routes
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings

log = logging.getLogger(__name__)
_GRACE_S = 0.1  # at the end, for answers that are under way; late ones (injected faults) are not waited for


def flush_or_die(sandbox: Sandbox) -> None:
    """A venue that can't keep its books must not answer: it dies, and its books are what was written."""
    try:
        sandbox.flush()
    except OSError:
        log.critical("the books can't be written", exc_info=True)
        os._exit(1)


Beside = Callable[[Sandbox], Awaitable[None]]


async def run(
    settings: SimSettings, ready: Callable[[str, int], None] | None = None, beside: Beside | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` gets host and port once connections are taken. ``beside``: what else
    goes on as long, and may only look at the venues; the server does not need it.
    """
    money.install()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    gc.disable()  # nothing of what a replay makes is garbage
    sandbox = Sandbox(settings)
    gc.enable()
    venues = web.Server(answering(Routes(sandbox), lambda: flush_or_die(sandbox)), access_log=None)
    # What was read at the start stays for good: the collector need not look at it again and again.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    server = await loop.create_server(venues, settings.host, settings.port, backlog=1024)
    host, port = server.sockets[0].getsockname()[:2]
    if settings.data_dir is not None:
        where = {"host": host, "port": port, "pid": os.getpid()}
        (Path(settings.data_dir) / "server.json").write_text(json.dumps(where), encoding="utf-8")
    if ready is not None:
        ready(host, port)
    task = None if beside is None else asyncio.ensure_future(beside(sandbox))
    try:
        await stop.wait()
    finally:
        if task is not None:
            task.cancel()
        server.close()
        await venues.shutdown(_GRACE_S)
        sandbox.close()


def serve(settings: SimSettings, ready: Callable[[str, int], None] | None = None, beside: Beside | None = None) -> None:
    """Run the server in this process until it is told to stop."""
    if sys.platform == "win32":
        asyncio.run(run(settings, ready, beside))
    else:
        import uvloop

        uvloop.run(run(settings, ready, beside))


def main(arguments: list[str]) -> None:
    """``--port N --host H --dir D --market D --seed N --clock wall|manual --settings FILE`` (JSON of SimSettings)."""
    parser = argparse.ArgumentParser(prog="tightloop.venues.sim.server", description="The simulated venues.")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--dir", dest="data_dir")
    parser.add_argument("--market", dest="market_dir")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--clock", choices=("wall", "manual"))
    parser.add_argument("--market-origin", type=datetime.fromisoformat)
    parser.add_argument("--settings", type=Path)
    given = vars(parser.parse_args(arguments))
    path = given.pop("settings")
    settings = SimSettings() if path is None else msgspec.json.decode(path.read_bytes(), type=SimSettings)
    settings = msgspec.structs.replace(settings, **{name: value for name, value in given.items() if value is not None})
    try:
        serve(settings, announce)
    except (LogDamaged, OSError, ValueError) as error:
        parser.exit(2, f"the simulated venues can't start: {error}\n")


def announce(host: str, port: int) -> None:
    """One line on standard output, for the starting program: where it listens."""
    sys.stdout.write(json.dumps({"host": host, "port": port, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
