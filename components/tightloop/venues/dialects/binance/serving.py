"""The sandbox of Binance, started: its books, its keys, its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import uvloop

from tightloop.venues import binance
from tightloop.venues.dialects import keys, server
from tightloop.venues.dialects.binance.dialect import Binance
from tightloop.venues.sim.settings import SimSettings

LANE = binance.SPEC.name
LONGEST_WINDOW_S = 60.0  # the request's own recvWindow decides, and is at most that


def settings(
    directory: Path, host: str, port: int, market_dir: str | None, seed: int, clock: Literal["wall", "manual"]
) -> SimSettings:
    """One exchange, by the rules of the simulated one of that name, and with what that opens an account with."""
    return SimSettings(
        exchanges=(binance.settings(LANE, LONGEST_WINDOW_S),),
        chains=(),
        host=host,
        port=port,
        data_dir=str(directory),
        market_dir=market_dir,
        seed=seed,
        clock=clock,
    )


def variables(known: keys.Keys) -> dict[str, str]:
    """The variables in which components look for them in ``dev``: a key that trades, and one that only reads."""
    found: dict[str, str] = {}
    for reading in (False, True):
        wanted = (keys.READ,) if reading else (keys.READ, keys.TRADE)
        one = next(key for key in known.all if key.rights == wanted)
        for name in binance.SPEC.variables("dev", reading=reading):
            found[name] = one.secret if name.endswith("_SECRET") else one.key
    return found


def serve(made: SimSettings, directory: Path, account: str, ready: Callable[[str, int], None] | None = None) -> None:
    """Run it in this process until it is told to stop. Raises OSError, and ValueError for books of another kind."""
    known = keys.kept(directory / "keys.json", account)
    keys.write_variables(directory / "keys.env", variables(known))
    uvloop.run(server.run(made, lambda sandbox: Binance(sandbox, LANE, known), ready))
