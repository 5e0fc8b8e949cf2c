"""The wallet: transfers and holdings on a chain, and what signs for the chain's protocols. Alchemy is its provider."""

from __future__ import annotations

from urllib.parse import urlsplit

from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError
from tightloop.venues.credentials import Credentials
from tightloop.venues.plugin import VenuePlugin
from tightloop.venues.sim.chain_settings import ChainSettings, chain

MAIN_NETWORKS = frozenset({1, 10, 56, 137, 8453, 42161})  # by EIP-155; real money moves on them
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})  # a fork of a main network on this machine is none

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
    """A chain with the tokens of the basis trades, and all protocols."""
    return chain(lane.name, lane.chain_id, lane.confirmations)


def check(lane: LaneSpec, credentials: Credentials) -> None:
    """Does the provider's network belong to the lane's chain? Raises ExecutionError EIF-003, EIF-008, EIF-010."""
    told = credentials.reveal("ALCHEMY__CHAIN_ID")
    if not told.isdigit():
        raise ExecutionError("EIF-003", f"{lane.name}: ALCHEMY__CHAIN_ID must be a chain's number (EIP-155)")
    if int(told) != lane.chain_id:
        raise ExecutionError("EIF-008", f"{lane.name} is chain {lane.chain_id}, and ALCHEMY__CHAIN_ID says {told}")
    provider = urlsplit(credentials.reveal("ALCHEMY__RPC_URL"))
    if provider.scheme not in ("http", "https", "ws", "wss") or not provider.hostname:
        raise ExecutionError("EIF-010", f"{lane.name}: ALCHEMY__RPC_URL is no URL with scheme and host")
    real = int(told) in MAIN_NETWORKS and provider.hostname not in LOOPBACK
    if real and credentials.environment != "prod":
        what = f"{lane.name}: chain {told} at {provider.hostname} is a main network, and the environment is"
        raise ExecutionError("EIF-008", f"{what} {credentials.environment}")


PLUGIN = VenuePlugin(spec=SPEC, simulate=simulate, check=check)
