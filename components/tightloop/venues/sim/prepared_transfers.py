"""From a transfer's instruction to exactly what a simulated exchange is asked for. Pure.

What the exchange does not move, or not so little, is refused here, before anything is journalled as sent.
"""

from __future__ import annotations

from decimal import Decimal

from tightloop.domain import money
from tightloop.domain.venues import PERP, SPOT
from tightloop.handlers.calls import Prepared, Refused
from tightloop.records.types import JournalEntry, PreparedTransfer
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.errors import meaning
from tightloop.venues.sim.settings import ExchangeSettings
from tightloop.venues.sim.withdrawals import network_rules


def prepare_transfer(entry: JournalEntry, settings: ExchangeSettings) -> Prepared | Refused:
    """The destination is an address by now, or a wallet of the account itself."""
    instruction = entry.routed.instruction
    transfer = instruction.wallet_transfer if instruction else None
    if transfer is None:
        return Refused("EXI-013", f"{entry.lane}: the intent is no transfer")
    source = _wallet(transfer.source)
    if transfer.destination.startswith("0x"):
        try:
            rules = network_rules(settings, transfer.asset, transfer.network)
        except VenueError as refusal:
            return Refused(meaning(refusal.code).code, refusal.message)
        amount = money.tidy(transfer.amount)
        if amount < rules.least_withdrawal:
            least = money.text(rules.least_withdrawal)
            return Refused("EXI-007", f"{money.text(amount)} {transfer.asset} is below the least withdrawal, {least}")
        what = PreparedTransfer(
            asset=transfer.asset,
            amount=amount,
            source=source,
            address=transfer.destination,
            network=rules.network,
            fee=rules.fee,
        )
        return Prepared(what)
    destination = _wallet(transfer.destination)
    if settings.unified:
        return Refused("EXI-007", f"{entry.lane} has one wallet for both its markets: nothing is moved inside")
    margins = {rules.quote for rules in settings.symbols if rules.market == "perp"}
    if transfer.asset not in margins and PERP in (source, destination):
        return Refused("EXI-007", f"{entry.lane} takes no {transfer.asset} as margin, but {', '.join(sorted(margins))}")
    what = PreparedTransfer(
        asset=transfer.asset,
        amount=money.tidy(transfer.amount),
        source=source,
        destination=destination,
        fee=Decimal(0),
    )
    return Prepared(what)


def _wallet(place: str) -> str:
    return place.partition(":")[2] or SPOT
