"""The sandbox of an exchange, started: its books, its keys, its address. What differs is a :class:`StandIn`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal

import uvloop
from msgspec import Struct

from tightloop.domain.venues import VenueSpec
from tightloop.venues.dialects import keys, server
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings


class StandIn(Struct, frozen=True, kw_only=True):
    """One exchange's sandbox. ``exchange``: its rules, as those of the simulated one. ``dialect``: what answers.

    ``passphrase``: do its API keys have one? Requests say themselves how long they may act: the exchange's own rules
    therefore have the longest time that one may ask for.
    """

    spec: VenueSpec
    exchange: ExchangeSettings
    dialect: Callable[[Sandbox, str, keys.Keys], server.Dialect]
    passphrase: bool = False


def stand_in(name: str) -> StandIn:
    """That of a venue: ``STAND_IN`` of its package here. Raises ImportError when it has none."""
    found: StandIn = import_module(f"tightloop.venues.dialects.{name}").STAND_IN
    return found


def settings(
    of: StandIn,
    directory: Path,
    host: str,
    port: int,
    market_dir: str | None,
    seed: int,
    clock: Literal["wall", "manual"],
) -> SimSettings:
    """One exchange, by the rules of the simulated one of that name, and with what that opens an account with."""
    return SimSettings(
        exchanges=(of.exchange,),
        chains=(),
        host=host,
        port=port,
        data_dir=str(directory),
        market_dir=market_dir,
        seed=seed,
        clock=clock,
    )


def variables(spec: VenueSpec, known: keys.Keys) -> dict[str, str]:
    """The variables in which components look for them in ``dev``: a key that trades, and one that only reads."""
    found: dict[str, str] = {}
    for reading in (False, True):
        one = next(key for key in known.all if (keys.TRADE in key.rights) != reading)
        found |= {name: one.part(name) for name in spec.variables("dev", reading=reading)}
    return found


def serve(
    of: StandIn, made: SimSettings, directory: Path, account: str, ready: Callable[[str, int], None] | None = None
) -> None:
    """Run it in this process until it is told to stop. Raises OSError, and ValueError for books of another kind."""
    known = keys.kept(directory / "keys.json", account, passphrase=of.passphrase)
    keys.write_variables(directory / "keys.env", variables(of.spec, known))
    uvloop.run(server.run(made, lambda sandbox: of.dialect(sandbox, of.exchange.lane, known), ready))
