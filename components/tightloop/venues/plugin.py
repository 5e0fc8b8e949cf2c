"""A venue as a plug-in: its specification, and how its simulation is built."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.adapter import VenueAdapter, VenueReader
from tightloop.venues.credentials import Credentials
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.settings import ExchangeSettings

Simulate = Callable[[LaneSpec], ExchangeSettings | ChainSettings]


class VenuePlugin(Struct, frozen=True, kw_only=True):
    """One venue. A package of one's own names such an object as an entry point of the group ``tightloop.venues``.

    ``simulate``: what the simulated venues' server has of a lane that is this venue's (an exchange's, or a wallet's
    chain); None: it has nothing. ``connect``: the adapter of such a lane that is live, and ``connect_reader`` the one
    that can't trade, each with the credentials that the specification names for it; None: there is none. They open
    no connection: the adapter's ``open`` does. ``check``: called before anything is built, for what can be seen to be
    wrong then, such as credentials of another network than the lane's; it raises ExecutionError EIF-003, EIF-008 or
    EIF-010.
    """

    spec: VenueSpec
    simulate: Simulate | None = None
    connect: Callable[[LaneSpec, Credentials], VenueAdapter] | None = None
    connect_reader: Callable[[LaneSpec, Credentials], VenueReader] | None = None
    check: Callable[[LaneSpec, Credentials], None] | None = None
