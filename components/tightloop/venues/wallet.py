"""The wallet: transfers and holdings on a chain, and what signs for the chain's protocols. Alchemy is its provider."""

from __future__ import annotations

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.settings import ChainSettings, chain

SPEC = VenueSpec(
    name="wallet",
    kind="wallet",
    aliases=("alchemy",),
    operations=("transfer",),
    credentials=(
        "ALCHEMY__PRIVATE_KEY",
        "ALCHEMY__RPC_URL",
        "ALCHEMY__WALLET_ADDRESS",
        "ALCHEMY__NETWORK",
        "ALCHEMY__CHAIN_ID",
    ),
    read_credentials=("ALCHEMY__RPC_URL", "ALCHEMY__WALLET_ADDRESS", "ALCHEMY__NETWORK", "ALCHEMY__CHAIN_ID"),
)


def simulate(lane: LaneSpec) -> ChainSettings:
    """A chain with the tokens of the basis trades, Uniswap's swaps and Aave's lending."""
    return chain(lane.name, lane.chain_id, lane.confirmations)


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate)
