"""One simulated chain: wallets, a mempool, blocks. Pure: time is passed in.

It is as strict as a real one. A transaction's hash is over all that is signed; a known hash is "already known"; a nonce
below the wallet's is refused, and one ahead of it waits; a replacement pays a tenth more; the wallet must be able to
pay the whole of its gas limit at its fee cap; what pays less than the base fee waits. A transaction that reverts spends
its gas and its nonce, and does nothing else.

Blocks. With ``automine`` a transaction that can be mined is mined when it comes, in a block of its own, together with
those of its wallet that waited for it. Besides, a block comes every ``block_time_s``, or when the control endpoint says
so, and takes all that can be mined. Blocks by time are made when somebody looks, as of the time when they were due, so
that the books do not depend on who looked when.

What is final. A transaction is ``open`` until ``confirmations`` blocks hold it, and shows no ledger entries so long. An
account's ledger and positions are shown as they were right before its first block that is not so deep: ``as_of`` is
then that block's time, and nothing that a reorganisation may take back, interest that depends on it included, is in
them. So a cursor never points at an entry that vanishes, and reconciliation compares with exactly what was told as
final. A reorganisation of ``confirmations`` blocks or more breaks that promise, as it does on a real chain.

A reorganisation puts the wallets back as they were before the blocks that are gone, and the transactions back into the
mempool, unless they are lost. What drifted or was deposited meanwhile, by the control endpoint, is none of the wallet's
transactions and is done once more. The chain gets no shorter: empty blocks take the place of those that are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import UNSET
from msgspec.structs import replace

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry, OrderFound
from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim.admission import Admission
from tightloop.venues.sim.blocks import KEPT, Blocks, Undo
from tightloop.venues.sim.books import ZERO, Drifted, VenueError, WalletView
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.commands import Broadcast, ChangeChain, Effect
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.execution import NO_EFFECT, Execution
from tightloop.venues.sim.market import Market
from tightloop.venues.sim.mempool import Mempool, Pending
from tightloop.venues.sim.network import Network, Sent
from tightloop.venues.sim.protocols.desk import Protocols
from tightloop.venues.sim.protocols.growth import Steps
from tightloop.venues.sim.protocols.lending import Lending, is_shared
from tightloop.venues.sim.protocols.pools import ProtocolBooks
from tightloop.venues.sim.protocols.tokens import Tokens
from tightloop.venues.sim.transactions import Call, Simulated, sent_to
from tightloop.venues.sim.wallet_accruals import WalletAccruals
from tightloop.venues.sim.wallets import Transaction, WalletAccount


class Chain:
    """All wallets of one chain lane."""

    kind = "chain"

    def __init__(
        self,
        settings: ChainSettings,
        market: Market,
        clock: MarketClock,
        step: timedelta,
        origin: datetime,
        network: Network,
    ) -> None:
        if not 1 <= settings.confirmations <= KEPT:
            raise ValueError(f"{settings.lane}: confirmations are {settings.confirmations}; they can be 1 to {KEPT}")
        self.lane = settings.lane
        self.settings = settings
        self.accounts: dict[str, WalletAccount] = {}
        self.blocks = Blocks(settings.first_block, f"{settings.lane}|{settings.chain_id}")
        self.pool = Mempool()
        self.automine = settings.automine
        self.block_time_s: float | None = None
        self._next_block_at: datetime | None = None
        self._set_block_time(settings.block_time_s, origin)
        self._fixed_base_fee = settings.base_fee
        self._network = network
        self._market = market
        self._clock = clock
        tokens = Tokens(settings.decimals, market)
        self.books = ProtocolBooks(Lending(settings, market, Steps(market.start, step), tokens), tokens)
        self._protocols = Protocols(settings, tokens)
        self._accruals = WalletAccruals(settings.lane, self.books, self._protocols, clock)
        self._execution = Execution(settings, clock, self.books, self._protocols)
        self._admission = Admission(settings, self._execution)

    @property
    def block_number(self) -> int:
        """The latest block that is deep enough: by it everything is shown."""
        return self.blocks.head - self.settings.confirmations + 1

    def open(self, name: str, opening: dict[str, Decimal] | None, now: datetime) -> None:
        chosen = dict(self.settings.opening if opening is None else opening)
        self.accounts[name] = WalletAccount(name, chosen, now, self._clock.market(now), self.books.lending)

    def settle(self, account: WalletAccount, now: datetime) -> None:
        """Blocks that are due, and interest up to now."""
        self.advance(now)
        self._accrue(account, now)
        final = self.block_number
        if account.undos and account.undos[-1].number > final:
            account.shown = next(undo for undo in account.undos if undo.number > final)
        else:
            account.shown = None

    def _accrue(self, account: WalletAccount, now: datetime) -> None:
        self._accruals.settle(account, self._clock.market(now))

    def base_fee(self, now: datetime) -> Decimal:
        """Of a block that came now."""
        if self._fixed_base_fee is not None:
            return self._fixed_base_fee
        return self._market.gas_price(self._clock.market(now))

    # --- transactions ---------------------------------------------------------------------------------------------

    def broadcast(self, account: WalletAccount, command: Broadcast, now: datetime, effect: Effect | None) -> OrderFound:
        """Raises VenueError when it is not taken: then nothing was done."""
        effect = effect or NO_EFFECT
        transaction = command.transaction
        tx_hash = transaction.tx_hash
        self._admission.check_hash(account, transaction)
        if tx_hash in self.pool or tx_hash in account.transactions:
            raise VenueError("already_known", f"the transaction {tx_hash} is known")
        if transaction.nonce < account.nonce:
            raise VenueError("nonce_too_low", f"nonce {transaction.nonce}, the wallet's next is {account.nonce}")
        if effect.reject is not None:
            raise VenueError(effect.reject, effect.message or "refused by an injected fault")
        call = self._admission.checked(account, transaction)
        pending = self.pool.add(command, call, effect)
        if effect.forgotten:
            self.pool.remove(pending)
        elif self.automine and not effect.pending:
            self._mine(now, [account.name])
            self.settle(account, now)
        receipt = account.transactions.get(tx_hash)
        return self._waiting(tx_hash, now) if receipt is None else self.evidence(account, receipt, now)

    def simulate(self, account: WalletAccount, asked: Call, now: datetime) -> Simulated:
        """What a transaction with this call would need. Raises VenueError when all of it would revert."""
        base_fee, tip = self.base_fee(now), self.settings.tip
        price = money.tidy(base_fee + tip)
        tried = PreparedTransaction(
            chain_id=self.settings.chain_id,
            nonce=account.nonce,
            to=asked.to,
            value=asked.value,
            data=asked.data,
            gas_limit=0,
            max_fee_per_gas=price,
            max_priority_fee_per_gas=tip,
            tx_hash="",
        )
        call = self._admission.called(account, tried)
        gas = self._execution.gas(call)
        tried = replace(tried, gas_limit=gas)
        ran = self._execution.run(account, tried, call, price, now, NO_EFFECT)
        if ran.failure is not None and not ran.steps:
            raise VenueError(ran.failure.code, f"it would revert: {ran.failure.message}")
        return Simulated(
            chain_id=self.settings.chain_id,
            nonce=account.nonce,
            base_fee=base_fee,
            tip=tip,
            gas=gas,
            balance=account.balance(self._execution.gas_key),
            block_number=self.blocks.head,
            as_of=now,
        )

    # --- evidence -------------------------------------------------------------------------------------------------

    def find(self, account: WalletAccount, hashes: Sequence[str], now: datetime) -> OrderFound:
        """The state of the one of these that the chain has. Raises VenueError when it knows none of them."""
        for tx_hash in hashes:
            receipt = account.transactions.get(tx_hash)
            if receipt is not None:
                return self.evidence(account, receipt, now)
        for tx_hash in reversed(hashes):
            if tx_hash in self.pool:
                return self._waiting(tx_hash, now)
        raise VenueError("unknown_order", f"no transaction {' or '.join(hashes)}", self.view(account))

    def view(self, account: WalletAccount) -> WalletView:
        settled = account.nonce if account.shown is None else account.shown.nonce
        return WalletView(account.nonce, settled, self.blocks.head)

    def evidence(self, account: WalletAccount, receipt: Transaction, now: datetime) -> OrderFound:
        depth = self.blocks.head - (receipt.entry.block_number or 0) + 1
        tx_hash = receipt.tx_hash
        if depth < self.settings.confirmations:
            return OrderFound("open", now, venue_order_id=tx_hash, tx_hash=tx_hash, confirmations=depth)
        return account.evidence(
            receipt.status,
            now,
            (receipt.entry,),
            venue_order_id=tx_hash,
            remaining=ZERO,
            tx_hash=tx_hash,
            code=receipt.code,
            message=receipt.message,
            confirmations=depth,
        )

    @staticmethod
    def _waiting(tx_hash: str, now: datetime) -> OrderFound:
        return OrderFound("open", now, venue_order_id=tx_hash, tx_hash=tx_hash)

    # --- blocks ---------------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Make the blocks that are due by time."""
        while self._next_block_at is not None and self._next_block_at <= now:
            every = timedelta(seconds=self.block_time_s or 0)
            if self.pool:
                self._mine_one(self._next_block_at)
                self._next_block_at += every
            else:
                due = (now - self._next_block_at) // every + 1
                self.blocks.append_empty(due)
                self._next_block_at += due * every

    def _mine_one(self, at: datetime) -> None:
        """One block with all that can be mined, if only an empty one."""
        if not self._mine(at, self.pool.senders()):
            self.blocks.append_empty(1)

    def _mine(self, at: datetime, names: Iterable[str]) -> bool:
        """A block with what can be mined of these wallets; False: nothing can, and there is none."""
        block = self.blocks.next(at, self.base_fee(at), self.books.pools)
        for name in names:
            account = self.accounts[name]
            pending = self._next(account, block.base_fee)
            if pending is None:
                continue
            self._accrue(account, at)
            undo = Undo(account, block.number, at)
            account.undos.append(undo)
            block.undos.append(undo)
            while pending is not None:
                self.pool.remove(pending)
                receipt = self._execution.mine(account, pending, block.base_fee, (block.number, block.hash), at)
                self._send(account, pending, receipt)
                block.transactions.append(pending)
                pending = self._next(account, block.base_fee)
        if block.transactions:
            self.blocks.append(block)
        return bool(block.transactions)

    def _send(self, account: WalletAccount, pending: Pending, receipt: Transaction) -> None:
        """What it moved to somebody's address is on its way there."""
        token, address = sent_to(pending.transaction, pending.call, self.settings.native)
        key = f"wallet:BaseToken:{token}"
        moved = [one.amount for one in receipt.entry.deltas if one.source == "transfer" and one.position_key == key]
        if len(moved) != 1 or receipt.status != "filled" or pending.effect.never_arrives:
            return
        self._network.send(
            Sent(
                reference=receipt.tx_hash,
                network=self.lane,
                address=address,
                token=token,
                amount=-moved[0],
                due=receipt.entry.event_time + timedelta(seconds=pending.effect.arrives_late_s),
                account=account.name,
            )
        )

    def depth(self, name: str, tx_hash: str, now: datetime) -> int:
        """How many blocks hold this transaction of a wallet; 0: none."""
        self.advance(now)
        receipt = self.accounts[name].transactions.get(tx_hash)
        return 0 if receipt is None else self.blocks.head - (receipt.entry.block_number or 0) + 1

    @property
    def deposit_depth(self) -> int:
        """How many blocks must hold what comes to a wallet."""
        return self.settings.confirmations

    def deposit_key(self, token: str, network: str, amount: Decimal) -> str | None:
        """The position that what comes adds to; None: no token of this chain."""
        return f"wallet:BaseToken:{token}" if token in self.settings.decimals else None

    def _next(self, account: WalletAccount, base_fee: Decimal) -> Pending | None:
        """The wallet's next transaction, when a block with this base fee takes it."""
        pending = self.pool.at(account.name, account.nonce)
        if pending is None or pending.transaction.max_fee_per_gas < base_fee:
            return None
        return pending if self._admission.can_pay(account, pending.transaction) else None

    # --- what the operator does -----------------------------------------------------------------------------------

    def change(self, asked: ChangeChain, now: datetime) -> None:
        """Raises VenueError, and then nothing was done."""
        self.advance(now)
        dropped = [] if asked.drop_account is None else self.pool.all(asked.drop_account)
        if asked.drop is not None:
            pending = self.pool.get(asked.drop)
            if pending is None:
                raise VenueError("bad_request", f"{asked.drop} is not in the mempool of {self.lane}")
            dropped.append(pending)
        if asked.reorg > self.blocks.most_undone:
            message = f"{asked.reorg} blocks can't be replaced, {self.blocks.most_undone} can"
            raise VenueError("bad_request", message)
        if isinstance(asked.base_fee, Decimal) and not asked.base_fee >= 0:
            raise VenueError("bad_request", f"a base fee of {asked.base_fee}")
        if asked.base_fee is not UNSET:
            self._fixed_base_fee = asked.base_fee
        if asked.automine is not None:
            self.automine = asked.automine
        if asked.block_time_s is not UNSET:
            self._set_block_time(asked.block_time_s, now)
        for pending in {pending.number: pending for pending in dropped}.values():
            self.pool.remove(pending)
        if asked.reorg:
            self._reorganise(asked.reorg, asked.lose)
        if asked.mine:
            self._mine_one(now)
            self.blocks.append_empty(asked.mine - 1)

    def liquidate(self, account: WalletAccount, key: str, now: datetime) -> None:
        """A liquidator comes to this debt, however sound it is. Raises VenueError when there is none. As any other's
        transaction, a reorganisation may take it back; nobody sends it again.
        """
        draft = Draft(account, self.books)
        self._accruals.post(draft, self._protocols.liquidate(draft, key, self._clock.market(now)), now)

    def _set_block_time(self, seconds: float | None, now: datetime) -> None:
        self.block_time_s = seconds
        self._next_block_at = None if seconds is None else now + timedelta(seconds=seconds)

    def _reorganise(self, count: int, lose: bool) -> None:
        gone = self.blocks.undo(count)
        if gone:
            self.books.pools = gone[-1].pools_before
        before: dict[str, Undo] = {}
        for block in gone:
            for undo in block.undos:
                before[undo.account.name] = undo.account.undos.pop()  # the last one is the oldest
            for pending in block.transactions:
                del self.accounts[pending.account].transactions[pending.transaction.tx_hash]
                if not lose:
                    self.pool.put(pending)
        for undo in before.values():
            for one in undo.restore():
                self._again(undo.account, one)

    def _again(self, account: WalletAccount, one: Drifted | LedgerEntry) -> None:
        """What was no transaction is done as it was."""
        if isinstance(one, Drifted):
            self._accrue(account, one.at)
            self.drift(account, one.position_key, one.amount, one.at)
        else:
            self._accrue(account, one.event_time)
            account.post(one.entry_id, one.kind, one.event_time, one.deltas, tx_hash=one.tx_hash)

    def drift(self, account: WalletAccount, key: str, amount: Decimal, now: datetime) -> None:
        account.drift(key, amount, now)
        if is_shared(key):
            account.reshare(key, account.balance(key), self.books.lending)
