"""Money that moves at a local exchange: what every dialect asks of the engine about it, whatever it calls it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.dialects.calls import Request
from tightloop.venues.sim.commands import MoveFunds
from tightloop.venues.sim.withdrawals import Moved

Call = Request[Any, Any]


async def moved_by(call: Call, command: MoveFunds) -> Moved:
    """The transfer that it made. Raises what ``call.act`` raises."""
    await call.act("transfer", command)
    own = command.client_order_id
    return next(one for one in transfers(call) if one.command.client_order_id == own)


def transfers(call: Call) -> list[Moved]:
    """All of the account's, newest first."""
    return call.venue.desk.exchange.transfers.history(call.account().name)[::-1]  # type: ignore[no-any-return]


def withdrawals(call: Call) -> list[Moved]:
    """Newest first."""
    return [one for one in transfers(call) if one.command.destination is None]


def deposits(call: Call, kinds: tuple[str, ...]) -> list[LedgerEntry]:
    """What came to the account from elsewhere, newest first, of balances of these kinds."""
    wanted = tuple(f"{call.venue.desk.exchange.settings.venue}:{kind}:" for kind in kinds)
    return [
        entry
        for entry in reversed(call.account().ledger)
        if entry.kind == "deposit" and entry.deltas[0].position_key.startswith(wanted)
    ]


def coin_of(deposit: LedgerEntry) -> str:
    return deposit.deltas[0].position_key.rpartition(":")[2]


def digest(moved: Moved) -> bytes:
    """What the exchange's own id of a withdrawal is made from."""
    return blake2b(moved.transfer_id.encode(), digest_size=16).digest()


def number_of(moved: Moved) -> str:
    """The exchange's own id, where it is a number."""
    return str(int.from_bytes(digest(moved)[:6], "big"))


def is_address(text: str) -> bool:
    """Of a chain of the EVM: there are no others here."""
    return text.startswith("0x") and len(text) == 42
