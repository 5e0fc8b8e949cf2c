"""The venues that there are: those of this package, and those that other packages bring along.

A package registers a venue by an entry point of the group ``tightloop.venues`` whose object is a
:class:`~tightloop.venues.plugin.VenuePlugin`; a program of one's own by :func:`register`, before it builds anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import FIRST_CHAIN, VenueKind, Venues, VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues import aave, binance, bybit, curve, morpho, okx, uniswap, wallet
from tightloop.venues.plugin import VenuePlugin

GROUP = "tightloop.venues"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
BUILT_IN = tuple(venue.PLUGIN for venue in (binance, bybit, okx, uniswap, curve, aave, morpho, wallet))
CHAIN_IDS = {FIRST_CHAIN: 1}  # of the chains that are lanes by their name alone
_ON_CHAIN = tuple(venue.SPEC.name for venue in (uniswap, curve, aave, morpho, wallet))


class Registry:
    """Venues by name. Raises ExecutionError EIF-009 for a name or an alias that is taken."""

    def __init__(self, plugins: Iterable[VenuePlugin] = BUILT_IN) -> None:
        self._plugins: dict[str, VenuePlugin] = {}
        self.venues = Venues(())
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: VenuePlugin) -> None:
        """One venue more, for what is built from now on. Raises ExecutionError EIF-009, and EIF-010 for a specification
        that can't be one.
        """
        _check(plugin.spec)
        for name in (plugin.spec.name, *plugin.spec.aliases):
            taken = self.venues.get(name)
            if taken is not None:
                raise ExecutionError("EIF-009", f"venue {plugin.spec.name!r}: the name {name!r} is {taken.name}'s")
        self._plugins[plugin.spec.name] = plugin
        self.venues = Venues([one.spec for one in self._plugins.values()])

    def plugin(self, venue: str) -> VenuePlugin:
        """Raises ExecutionError EIF-010, with the nearest name."""
        spec = self.venues.get(venue)
        if spec is None:
            raise ExecutionError("EIF-010", self.venues.unknown(venue))
        return self._plugins[spec.name]

    def lanes(self) -> tuple[LaneSpec, ...]:
        """Those that need no more than their names."""
        return tuple(self.lane(name) for name in self._lane_names())

    def _lane_names(self) -> list[str]:
        return [*(spec.name for spec in self.venues if spec.kind == "exchange"), *CHAIN_IDS]

    def lane(self, name: str) -> LaneSpec:
        """The lane that needs no more than its name: an exchange's, or the first chain's.

        Raises ExecutionError EIF-010, with the nearest name.
        """
        if name in CHAIN_IDS:
            return LaneSpec(name=name, kind="chain", home=wallet.SPEC.name, venues=_ON_CHAIN, chain_id=CHAIN_IDS[name])
        found, names = self.venues.get(name), self._lane_names()
        if found is None or name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            more = "any other needs a table: `[lanes.NAME]` with `venue`, or `chain_id` and `venues`"
            raise ExecutionError("EIF-010", f"unknown lane {name!r}: {hint}; {more}")
        return LaneSpec(
            name=name,
            kind="exchange",
            home=name,
            venues=(name,),
            acceptance_window_s=found.acceptance_window_s,
        )


def _check(spec: VenueSpec) -> None:
    """Raises ExecutionError EIF-010."""

    def wrong(what: str) -> ExecutionError:
        return ExecutionError("EIF-010", f"venue {spec.name!r}: {what}", remedy="Correct the venue's `VenueSpec`.")

    for name in (spec.name, *spec.aliases):
        if not _NAME.fullmatch(name):
            raise wrong(f"the name {name!r} must have 1 to 40 of a to z, 0 to 9 and '-', and begin with a letter")
    if spec.kind not in get_args(VenueKind):
        raise wrong(f"its kind {spec.kind!r} is none of {', '.join(get_args(VenueKind))}")
    odd = sorted(set(spec.markets) - {"spot", "perp"})
    if odd:
        raise wrong(f"{', '.join(odd)}: markets are spot and perp")
    if spec.kind == "exchange" and not spec.markets:
        raise wrong("an exchange has markets: spot, perp or both")
    if spec.kind == "protocol" and not spec.operations:
        raise wrong("a protocol has operations")
    if not spec.acceptance_window_s > 0:
        raise wrong(f"acceptance_window_s must be above zero, not {spec.acceptance_window_s}")


@cache
def known() -> Registry:
    """This process's. Raises ExecutionError EIF-009, and EIF-001 for an entry point that can't be loaded."""
    registry = Registry()
    for point in entry_points(group=GROUP):
        registry.register(_loaded(point))
    return registry


def register(plugin: VenuePlugin) -> None:
    """A venue of one's own. Raises ExecutionError EIF-009, EIF-010."""
    known().register(plugin)


def _loaded(point: EntryPoint) -> VenuePlugin:
    package = point.dist.name if point.dist is not None else "a package"
    what = f"the venue {point.name!r} of {package} ({point.value})"
    try:
        found = point.load()
    except Exception as error:
        raise ExecutionError("EIF-001", f"{what} can't be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(found, VenuePlugin):
        raise ExecutionError("EIF-001", f"{what} is a {type(found).__name__}, and must be a VenuePlugin")
    return found
