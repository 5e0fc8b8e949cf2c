"""Transfers at a simulated exchange: out of it by a network, and between the two wallets of an account.

A withdrawal is taken (the money is gone from the account at once), sent some time later, and credited where it goes
some time after that; or it fails when it should be sent, and the money comes back. Between the wallets of an account
it is done at once. As with orders, an id is refused only while a transfer with it is pending: a request that is sent
twice sends twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from tightloop.errors.nearest import hint
from tightloop.handlers.calls import LedgerEntry, OrderFound
from tightloop.records.types import Delta, Fee
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import Effect, MoveFunds
from tightloop.venues.sim.margin import check_free, withdrawable
from tightloop.venues.sim.network import Network, Sent
from tightloop.venues.sim.views import TransferView

if TYPE_CHECKING:
    from tightloop.venues.sim.settings import ExchangeSettings, NetworkRules
    from tightloop.venues.sim.trades import ExchangeAccount


class Moved(Struct, kw_only=True):
    """A transfer that was taken. ``sent_at``: when it is sent, or fails; ``reference``: its transaction."""

    transfer_id: str
    command: MoveFunds
    sent_at: datetime
    fails: bool
    reference: str | None
    entries: list[LedgerEntry]
    is_back: bool = False


class Transfers:
    """Of all accounts of one exchange."""

    def __init__(self, settings: ExchangeSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._moved: dict[tuple[str, str], list[Moved]] = {}
        self._failing: dict[str, list[str]] = {}  # by account: the ids whose money has not come back yet

    # --- what acts ----------------------------------------------------------------------------------------------------

    def move(
        self, account: ExchangeAccount, command: MoveFunds, now: datetime, effect: Effect, market: datetime
    ) -> OrderFound:
        """``market``: the market time of now. Raises VenueError when nothing was done."""
        history = self._moved.setdefault((account.name, command.client_order_id), [])
        if history and self.status(history[-1], now) == "open":
            raise VenueError("duplicate_client_order_id", f"a transfer {command.client_order_id} is pending")
        if effect.reject is not None:
            raise VenueError(effect.reject, effect.message or "refused by an injected fault")
        if not command.amount > 0:
            raise VenueError("invalid_order", f"a transfer of {command.amount}")
        transfer_id = f"{self._settings.lane}-{command.client_order_id}-t{len(history) + 1}"
        if command.destination is not None:
            moved = self._inside(account, command, transfer_id, now, market)
        else:
            moved = self._withdraw(account, command, transfer_id, now, effect, market)
        history.append(moved)
        if moved.fails:
            self._failing.setdefault(account.name, []).append(command.client_order_id)
        return self._evidence(account, moved, now)

    def _inside(
        self, account: ExchangeAccount, command: MoveFunds, transfer_id: str, now: datetime, market: datetime
    ) -> Moved:
        key, there = self._key(command.source, command.asset), self._key(command.destination or "", command.asset)
        if key == there:
            raise VenueError("invalid_order", f"{key} is one balance for spot and perpetuals: nothing is moved")
        if command.source == "perp":
            free = withdrawable(account, key, self._settings.leverage, market)
            if free < command.amount:
                raise VenueError("insufficient_margin", f"{key}: {command.amount} is needed, {free} is free")
        else:
            check_free(account, key, command.amount, self._settings.leverage, market)
        deltas = (
            Delta(position_key=key, amount=-command.amount, source="transfer"),
            Delta(position_key=there, amount=command.amount, source="transfer"),
        )
        entry = self._post(account, f"{transfer_id}-0", command, deltas, (), now)
        return Moved(
            transfer_id=transfer_id, command=command, sent_at=now, fails=False, reference=None, entries=[entry]
        )

    def _withdraw(
        self,
        account: ExchangeAccount,
        command: MoveFunds,
        transfer_id: str,
        now: datetime,
        effect: Effect,
        market: datetime,
    ) -> Moved:
        rules = network_rules(self._settings, command.asset, command.network)
        if command.amount < rules.least_withdrawal:
            least = f"{rules.least_withdrawal} {command.asset}"
            raise VenueError("invalid_order", f"{command.amount} is below the least withdrawal of {least}")
        sent = command.amount - (ZERO if self._settings.fee_on_top else rules.fee)
        if sent <= 0:
            raise VenueError("invalid_order", f"the fee of {rules.fee} {command.asset} takes all of {command.amount}")
        key = self._settings.deposit_key(command.asset)
        check_free(account, key, sent + rules.fee, self._settings.leverage, market)
        deltas = [Delta(position_key=key, amount=-sent, source="transfer")]
        fees: tuple[Fee, ...] = ()
        if rules.fee:
            deltas.append(Delta(position_key=key, amount=-rules.fee, source="fee"))
            fees = (Fee(position_key=key, amount=rules.fee, kind="network"),)
        entry = self._post(account, f"{transfer_id}-0", command, tuple(deltas), fees, now)
        sent_at = now + timedelta(seconds=self._settings.withdrawal_s)
        reference = "0x" + blake2b(transfer_id.encode(), digest_size=32).hexdigest()
        if not (effect.fails or effect.never_arrives):
            self._network.send(
                Sent(
                    reference=reference,
                    network=rules.network,
                    address=command.address or "",
                    token=command.asset,
                    amount=sent,
                    due=sent_at + timedelta(seconds=self._settings.network_s + effect.arrives_late_s),
                )
            )
        return Moved(
            transfer_id=transfer_id,
            command=command,
            sent_at=sent_at,
            fails=effect.fails,
            reference=reference,
            entries=[entry],
        )

    def give_back(self, account: ExchangeAccount, client_order_id: str, now: datetime) -> None:
        """What could not be sent comes back, its fee too."""
        moved = self._latest(account, client_order_id)
        if moved.is_back or not moved.fails:
            raise VenueError("bad_request", f"nothing of {client_order_id} is to be given back")
        debit = moved.entries[0]
        deltas = tuple(Delta(position_key=d.position_key, amount=-d.amount, source=d.source) for d in debit.deltas)
        fees = tuple(Fee(position_key=f.position_key, amount=-f.amount, kind=f.kind) for f in debit.fees)
        moved.entries.append(
            account.post(f"{moved.transfer_id}-1", "transfer", now, deltas, fees=fees, client_order_id=client_order_id)
        )
        moved.is_back = True
        self._failing[account.name].remove(client_order_id)

    def failed(self, account: str, now: datetime) -> list[str]:
        """The ids of an account's transfers whose money is to come back by now."""
        failing = self._failing.get(account)
        if not failing:
            return []
        return [one for one in failing if self._moved[account, one][-1].sent_at <= now]

    def views(self, account: str, now: datetime) -> list[TransferView]:
        """All of an account's, oldest first within an id."""
        return [
            TransferView(
                transfer_id=moved.transfer_id,
                client_order_id=client_order_id,
                asset=moved.command.asset,
                amount=moved.command.amount,
                source=moved.command.source,
                destination=moved.command.destination,
                address=moved.command.address,
                status=self.status(moved, now),
                tx_hash=moved.reference,
            )
            for (name, client_order_id), history in self._moved.items()
            if name == account
            for moved in history
        ]

    # --- what only looks ----------------------------------------------------------------------------------------------

    def find(self, account: ExchangeAccount, client_order_id: str, now: datetime) -> OrderFound:
        """The latest transfer with this id. Raises VenueError when there was none."""
        return self._evidence(account, self._latest(account, client_order_id), now)

    def history(self, account: str) -> list[Moved]:
        """All of an account's, oldest first."""
        found = [one for (name, _), taken in self._moved.items() if name == account for one in taken]
        return sorted(found, key=lambda one: one.entries[0].sequence or 0)

    def _latest(self, account: ExchangeAccount, client_order_id: str) -> Moved:
        history = self._moved.get((account.name, client_order_id))
        if not history:
            raise VenueError("unknown_order", f"no transfer {client_order_id}")
        return history[-1]

    @staticmethod
    def status(moved: Moved, now: datetime) -> Literal["open", "filled", "reverted"]:
        """``filled``: sent, or done at once; ``reverted``: the money is back."""
        if moved.is_back:
            return "reverted"
        if moved.fails or now < moved.sent_at:
            return "open"
        return "filled"

    def _evidence(self, account: ExchangeAccount, moved: Moved, now: datetime) -> OrderFound:
        status = self.status(moved, now)
        return account.evidence(
            status,
            now,
            tuple(moved.entries),
            venue_order_id=moved.transfer_id,
            tx_hash=moved.reference if status == "filled" else None,
            code="withdrawal_failed" if moved.is_back else None,
            message="the network did not take it, and the money is back" if moved.is_back else None,
        )

    # --- books --------------------------------------------------------------------------------------------------------

    def _key(self, wallet: str, asset: str) -> str:
        """Raises VenueError."""
        if wallet != "funding":
            return self._settings.balance_key(wallet, asset)
        if not self._settings.funding:
            raise VenueError("invalid_order", f"{self._settings.lane} has no funding account")
        return self._settings.deposit_key(asset)

    @staticmethod
    def _post(
        account: ExchangeAccount,
        entry_id: str,
        command: MoveFunds,
        deltas: tuple[Delta, ...],
        fees: tuple[Fee, ...],
        now: datetime,
    ) -> LedgerEntry:
        return account.post(
            entry_id,
            "transfer",
            now,
            deltas,
            fees=fees,
            client_order_id=command.client_order_id,
            symbol=command.asset,
            amount=command.amount,
        )


def network_rules(settings: ExchangeSettings, asset: str, network: str | None) -> NetworkRules:
    """How an asset moves in and out; ``network`` None: the first one it has. Raises VenueError that names what there
    is.
    """
    assets = sorted({one.asset for one in settings.networks})
    found = settings.networks_of(asset)
    if not found:
        raise VenueError("operation_not_supported", f"{settings.lane} moves no {asset}{hint(asset, assets)}")
    if network is None:
        return found[0]
    names = [one.network for one in found]
    if network not in names:
        what = f"{settings.lane} moves {asset} on no network {network!r}"
        raise VenueError("operation_not_supported", f"{what}{hint(network, names)}")
    return found[names.index(network)]
