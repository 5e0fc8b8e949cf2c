"""What a venue is, as data: all that handlers may know of it. ``tightloop.venues`` has one file for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from tightloop.errors import ExecutionError

VenueKind = Literal["exchange", "protocol", "wallet"]
INSTRUCTION_TYPES = ("cex_trade", "smart_contract_action", "wallet_transfer", "cancel")
FIRST_CHAIN = "ethereum"
SPOT, PERP = "spot", "perp"

_TYPES: dict[VenueKind, tuple[str, ...]] = {
    "exchange": ("cex_trade", "wallet_transfer", "cancel"),
    "protocol": ("smart_contract_action", "cancel"),
    # a wallet's own chain runs chains of actions over several protocols, too
    "wallet": ("wallet_transfer", "smart_contract_action", "cancel"),
}


class VenueSpec(Struct, frozen=True, kw_only=True):
    """One venue.

    ``kind``: an ``exchange`` trades, a ``protocol`` acts on a chain, a ``wallet`` transfers, holds, and signs for the
    protocols of its chain. ``aliases``: further names of the same. ``markets``: what an exchange trades.
    ``operations``: what actions at a protocol may do. ``credentials``: the variables that live trading needs, without
    what they begin with (:meth:`variables`); ``read_credentials``: what reading needs, with which nobody can trade.
    ``production``: the hosts at which real money moves; an environment other than ``prod`` never reaches one of them.
    ``unified``: assets of which an exchange's spot and perpetuals share one balance, the margin balance; with any, its
    accounts have one wallet.
    ``acceptance_window_s``: an exchange refuses requests whose signed time is older, unless its lane is configured
    otherwise.
    """

    name: str
    kind: VenueKind
    aliases: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    unified: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    read_credentials: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    acceptance_window_s: float = 2.0

    @property
    def types(self) -> tuple[str, ...]:
        """The instruction types that can run there, ``cancel`` among them everywhere."""
        return _TYPES[self.kind]

    @property
    def default_lane(self) -> str:
        """The lane that is its by name alone, and on which a strategy's own account bears the strategy's name."""
        return self.name if self.kind == "exchange" else FIRST_CHAIN

    def balance_type(self, market: str, asset: str) -> str:
        """The type of the position that an exchange's market, ``spot`` or ``perp``, pays in this asset from."""
        return balance_type(self.unified, market, asset)

    def variables(self, environment: str, *, lane: str | None = None, reading: bool = False) -> tuple[str, ...]:
        """The names of the environment variables that hold its credentials in ``dev``, ``staging`` or ``prod``.

        A lane of another name than the venue's own has credentials of its own: ``BASIS_DEV__BINANCE_2__CEX__...``.
        """
        names = self.read_credentials if reading else self.credentials
        begins = f"BASIS_{environment.upper()}__"
        if lane is not None and lane != self.default_lane:
            begins += f"{lane.upper().replace('-', '_')}__"
        return tuple(f"{begins}{name}" for name in names)


def balance_type(unified: Collection[str], market: str, asset: str) -> str:
    """See :meth:`VenueSpec.balance_type`."""
    return "MarginBalance" if market == PERP or asset in unified else "BaseToken"


class Venues:
    """The venues that there are, by name and alias."""

    def __init__(self, specs: Iterable[VenueSpec]) -> None:
        self._by_name: dict[str, VenueSpec] = {}
        self._own_names: list[str] = []
        for spec in specs:
            self._own_names.append(spec.name)
            for name in (spec.name, *spec.aliases):
                self._by_name[name] = spec

    def __iter__(self) -> Iterator[VenueSpec]:
        return (self._by_name[name] for name in self._own_names)

    def get(self, name: str) -> VenueSpec | None:
        return self._by_name.get(name)

    def find(self, name: str) -> VenueSpec:
        """The venue of that name or alias. Raises ExecutionError EIM-006, with the nearest name."""
        found = self._by_name.get(name)
        if found is None:
            raise ExecutionError("EIM-006", self.unknown(name))
        return found

    def unknown(self, name: str) -> str:
        """What to say of a name that no venue has."""
        near = get_close_matches(name, self._by_name, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self._own_names)}"
        return f"unknown venue {name!r}: {hint}"

    def same(self, one: str | None, other: str | None) -> bool:
        """Do both name one venue? An unknown name is the same as itself only."""
        if one is None or other is None:
            return False
        return one == other or ((found := self._by_name.get(one)) is not None and found is self._by_name.get(other))
