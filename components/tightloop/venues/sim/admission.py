"""What a node looks at before it takes a transaction into its mempool."""

from __future__ import annotations

import msgspec

from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.execution import Execution
from tightloop.venues.sim.transactions import Calldata, decode_calldata, transaction_hash
from tightloop.venues.sim.wallets import WalletAccount


class Admission:
    """The checks of one chain that need neither its mempool nor its blocks. They raise VenueError."""

    def __init__(self, settings: ChainSettings, execution: Execution) -> None:
        self._settings = settings
        self._execution = execution

    def check_hash(self, account: WalletAccount, transaction: PreparedTransaction) -> None:
        if transaction.tx_hash != transaction_hash(account.name, transaction):
            raise VenueError("invalid_order", f"{transaction.tx_hash} is not the hash of what was signed")

    def checked(self, account: WalletAccount, transaction: PreparedTransaction) -> Calldata | None:
        """What it calls. Raises VenueError for what no node takes."""
        if transaction.chain_id != self._settings.chain_id:
            message = f"chain id {transaction.chain_id}; {self._settings.lane} is {self._settings.chain_id}"
            raise VenueError("invalid_order", message)
        if transaction.authorisation is not None:
            raise VenueError("operation_not_supported", f"the wallets of {self._settings.lane} have delegated already")
        cap, tip = transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas
        if not 0 <= tip <= cap or transaction.value < 0:
            raise VenueError("invalid_order", f"a tip of {tip}, a fee cap of {cap} and a value of {transaction.value}")
        if transaction.gas_limit < self._settings.gas["base"]:
            raise VenueError("invalid_order", f"a gas limit of {transaction.gas_limit} is below what any takes")
        call = self.called(account, transaction)
        if not self.can_pay(account, transaction):
            needed = transaction.gas_limit * cap + transaction.value
            raise VenueError("insufficient_balance", f"{self._execution.gas_key}: {needed} is needed for gas and value")
        return call

    def called(self, account: WalletAccount, transaction: PreparedTransaction) -> Calldata | None:
        """Raises VenueError for what can't be run at all."""
        try:
            call = decode_calldata(transaction.data)
        except msgspec.DecodeError as error:
            raise VenueError("invalid_order", f"the calldata is none: {error}") from error
        self._execution.check(account.name, transaction.to, call)
        return call

    def can_pay(self, account: WalletAccount, transaction: PreparedTransaction) -> bool:
        """As geth demands: the whole gas limit at the fee cap, and the value."""
        needed = transaction.gas_limit * transaction.max_fee_per_gas + transaction.value
        return account.balance(self._execution.gas_key) >= needed
