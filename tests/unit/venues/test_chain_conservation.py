"""Whatever blocks come and go, and whatever is sent, replaced, dropped or lost: money is conserved on a chain, what was
shown as final stays, and the books are a function of the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.protocol_money import check_protocols
from tests.support.venue_faces import InProcessFace, without_ids
from tests.support.venue_intents import actions, lend, pool, swap, to_be_sent, transfer

from tightloop.domain import money
from tightloop.handlers.calls import LedgerEntry, NotFound, OrderFound, Prepared
from tightloop.records.types import JournalEntry, PreparedTransaction
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings
from tightloop.venues.sim.wallets import WalletAccount

D = Decimal
DEPTH = 4
WALLETS = ("s", "t")
ETH, SUPPLIED = "wallet:BaseToken:ETH", "aave:aToken:WETH"

Move = tuple[str, dict[str, Any]]

amounts = st.integers(1, 3000).map(lambda units: D(units).scaleb(-2))
intents = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["swap", "pool", "leave", "supply", "withdraw", "borrow", "native", "token"]),
        "amount": amounts,
        "ahead": st.sampled_from([0, 0, 0, 0, 0, 1]),
    }
)
blocks = st.fixed_dictionaries({"count": st.integers(1, DEPTH - 1), "lose": st.booleans()})
changes = st.one_of(
    st.fixed_dictionaries({"automine": st.booleans()}),
    st.fixed_dictionaries({"block_time_s": st.sampled_from([None, 0.5, 7.0, 7.0])}),
    st.fixed_dictionaries({"base_fee": st.sampled_from([None, "1e-9", "5e-7"])}),
)
drifts = st.fixed_dictionaries({"key": st.sampled_from([ETH, SUPPLIED]), "amount": amounts})
kinds: list[tuple[int, str, st.SearchStrategy[Any]]] = [  # how often each is drawn
    (5, "send", intents),
    (2, "replace", st.fixed_dictionaries({"kind": st.sampled_from(["bump", "cancel"])})),
    (1, "again", st.just({})),
    (1, "mine", blocks),
    (4, "reorg", blocks),
    (1, "drop", st.just({})),
    (3, "chain", changes),
    (3, "time", st.fixed_dictionaries({"seconds": st.sampled_from([0.3, 3.0, 3.0, 4000.0])})),
    (1, "advance", st.fixed_dictionaries({"hours": st.integers(1, 30)})),
    (1, "drift", drifts),
    (1, "deposit", st.fixed_dictionaries({"amount": amounts})),
    (1, "fault", st.sampled_from(["revert", "pending", "drop_pending", "slip", "lost_after"])),
]
moves = st.sampled_from([one for often, *one in kinds for _ in range(often)]).flatmap(
    lambda kind: st.tuples(st.just(kind[0]), kind[1])
)
programs = st.lists(st.tuples(st.sampled_from(("s", "s", "t")), moves), min_size=20, max_size=50)


def opened(folder: str) -> InProcessFace:
    lane = replace(chain("ethereum"), confirmations=DEPTH)
    return InProcessFace(Path(folder), SimSettings(exchanges=(), chains=(lane,)))


class Player:
    """Plays a program over the adapter, as an executor with one intent a wallet under way would, and worse."""

    def __init__(self, face: InProcessFace) -> None:
        self.face = face
        self.entries: dict[str, JournalEntry] = {}
        self.sent: dict[str, set[str]] = defaultdict(set)  # by client order id: the hashes of all that left
        self.deposits: dict[str, list[str]] = defaultdict(list)

    def play(self, program: list[tuple[str, Move]], look: Callable[[], None]) -> None:
        for number, (wallet, (kind, given_)) in enumerate(program):
            with suppress(VenueError):
                getattr(self, f"_{kind}")(wallet, given_, number)
            look()

    def _send(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        now, amount, name = self.face.now(), given_["amount"], f"i{number}"
        entry = {
            "swap": lambda: actions(wallet, name, now, swap("WETH", "USDT", amount)),
            "pool": lambda: actions(wallet, name, now, pool("add_liquidity", token_in="USDC", amount=amount)),
            "leave": lambda: actions(wallet, name, now, pool("remove_liquidity", amount_rule="all")),
            "supply": lambda: actions(wallet, name, now, lend("supply", "WETH", amount)),
            "withdraw": lambda: actions(wallet, name, now, lend("withdraw", "WETH")),
            "borrow": lambda: actions(
                wallet, name, now, lend("supply", "WETH", amount), lend("borrow", "USDT", amount * 9), atomic=True
            ),
            "native": lambda: transfer(wallet, name, now, "ETH", amount / 100),
            "token": lambda: transfer(wallet, name, now, "USDC", amount),
        }[given_["what"]]()
        answer = self.face.prepare(entry)
        if isinstance(answer, Prepared) and isinstance(answer.what, PreparedTransaction):
            answer = self.face.prepare(entry, answer.what.nonce + given_["ahead"])
            self._submit(to_be_sent(entry, answer.what))

    def _submit(self, entry: JournalEntry) -> None:
        self.entries[entry.account] = entry
        transaction = entry.submissions[-1].transaction
        assert transaction is not None
        self.sent[entry.client_order_id].add(transaction.tx_hash)
        self.face.submit(entry)

    def _replace(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        entry = self.entries.get(wallet)
        if entry is not None:
            answer = self.face.replace(entry, given_["kind"])
            if isinstance(answer, Prepared):
                self._submit(to_be_sent(entry, answer.what, given_["kind"]))

    def _again(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        if wallet in self.entries:
            self._submit(self.entries[wallet])

    def _mine(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.chain(mine=given_["count"])

    def _reorg(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.chain(reorg=given_["count"], lose=given_["lose"])

    def _drop(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.chain(drop_account=wallet)

    def _chain(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.chain(**given_)

    def _time(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.pass_time(given_["seconds"])

    def _advance(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        self.face.control("POST", "/admin/clock", {"market_advance_s": given_["hours"] * 3600})

    def _drift(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        drift = {"lane": "ethereum", "account": wallet, "position_key": given_["key"], "amount": str(given_["amount"])}
        self.face.control("POST", "/admin/drift", drift)

    def _deposit(self, wallet: str, given_: dict[str, Any], number: int) -> None:
        deposit = {"lane": "ethereum", "account": wallet, "position_key": ETH, "reference": f"0xd{number}"}
        self.face.control("POST", "/admin/deposit", {**deposit, "amount": str(given_["amount"])})
        self.deposits[wallet].append(f"0xd{number}")

    def _fault(self, wallet: str, kind: Any, number: int) -> None:
        self.face.fault(kind, wallet, count=1, slippage_bps="10", operations=["transaction"])

    @property
    def chain(self) -> Chain:
        return self.face.sandbox.chains["ethereum"]


class Judge:
    """Looks after every move, and remembers what was shown."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.shown: dict[str, list[LedgerEntry]] = defaultdict(list)

    def look(self) -> None:
        face, of_chain = self.player.face, self.player.chain
        for wallet in WALLETS:
            ledger, positions = face.ledger("ethereum", wallet), face.positions("ethereum", wallet)
            account = of_chain.accounts[wallet]
            self._adds_up(account, account.ledger, account.balances, len(account.drifts))
            before, final = self.shown[wallet], list(ledger.entries)
            assert final[: len(before)] == before, "what was shown as final stays"
            self.shown[wallet] = final
            assert ledger.cursor == positions.cursor == str(len(final))
            assert final == without_ids(account.ledger[: len(final)])
            drifts = len(account.drifts) if account.shown is None else account.shown.drifts
            self._adds_up(account, final, positions.amounts, drifts)
            self._acted_once(account)
            self._is_worth_its_shares(account)
        check_protocols(of_chain)
        entry = self.player.entries.get("s")
        if entry is not None:
            self._found(entry, face.find(entry))

    @staticmethod
    def _adds_up(account: WalletAccount, ledger: list[LedgerEntry], balances: dict[str, Decimal], drifts: int) -> None:
        expected: dict[str, Decimal] = defaultdict(Decimal, account.opening)
        for drift in account.drifts[:drifts]:
            expected[drift.position_key] += drift.amount
        for number, entry in enumerate(ledger, start=1):
            assert entry.sequence == number
            for delta in entry.deltas:
                expected[delta.position_key] = money.CONTEXT.add(expected[delta.position_key], delta.amount)
            for fee in entry.fees:
                assert any(d.position_key == fee.position_key and d.amount == -fee.amount for d in entry.deltas)
        assert {key: amount for key, amount in expected.items() if amount} == {
            key: amount for key, amount in balances.items() if amount
        }
        times = [entry.event_time for entry in ledger]
        assert times == sorted(times)
        assert all(amount >= 0 for amount in balances.values())

    def _is_worth_its_shares(self, account: WalletAccount) -> None:
        """What the lending market owes and is owed, to the smallest unit."""
        lent = {key for key, amount in account.balances.items() if key.startswith("aave:") and amount}
        assert lent == account.shares.keys()
        lending = self.player.chain.books.lending
        for key, shares in account.shares.items():
            entered = lending.worth(key, shares, lending.steps.time_of(account.step))
            now = lending.worth(key, shares, account.settled_to)
            unit = D("1e-6" if key.endswith("USDT") else "1e-18")
            assert entered - unit <= account.balance(key) <= now + unit

    def _acted_once(self, account: WalletAccount) -> None:
        arrived = [entry.tx_hash for entry in account.ledger if entry.kind == "deposit"]
        assert arrived == self.player.deposits[account.name], "what arrived from elsewhere is there"
        mined = [entry for entry in account.ledger if entry.client_order_id is not None]
        assert len(mined) == account.nonce == len(account.transactions)
        assert [account.transactions[entry.tx_hash or ""].nonce for entry in mined] == list(range(account.nonce))
        for entry in mined:
            assert entry.tx_hash in self.player.sent[entry.client_order_id or ""], "an entry carries its intent's id"
        for pending in self.player.chain.pool.all(account.name):
            assert pending.transaction.nonce >= account.nonce
            assert pending.transaction.tx_hash not in account.transactions

    def _found(self, entry: JournalEntry, found: OrderFound | NotFound) -> None:
        account = self.player.chain.accounts["s"]
        if isinstance(found, NotFound):
            assert found.nonce == account.nonce
            transactions = [line for line in self.shown["s"] if line.gas_used is not None]
            assert found.settled_nonce == len(transactions)
        elif found.status == "open":
            assert found.entries == ()
            assert found.confirmations is None or found.confirmations < DEPTH
        else:
            assert without_ids(found.entries)[0] in self.shown["s"], "what is told as final is shown"


def _send(what: str, amount: str) -> tuple[str, Move]:
    return "s", ("send", {"what": what, "amount": D(amount), "ahead": 0})


# A deposit comes again after a reorganisation, at its own time, which lies before an advance of the market
ADVANCED: list[tuple[str, Move]] = [
    _send("supply", "26.95"),
    _send("token", "23.11"),
    ("s", ("deposit", {"amount": D(5)})),
    _send("borrow", "5.57"),
    ("t", ("time", {"seconds": 0.3})),
    ("s", ("advance", {"hours": 30})),
    ("t", ("reorg", {"count": 2, "lose": True})),
]

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(programs)
@example(ADVANCED)
def test_money_is_conserved_whatever_becomes_of_blocks_and_a_restart_changes_nothing(
    program: list[tuple[str, Move]],
) -> None:
    with TemporaryDirectory() as folder, money.exact():
        face = opened(folder)
        player = Player(face)
        player.play(program, Judge(player).look)
        seen = everything(face)
        face.restart()
        assert everything(face) == seen
        face.close()


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(programs)
def test_looking_at_a_chain_in_between_changes_nothing(program: list[tuple[str, Move]]) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other, money.exact():
        looked_at, left_alone = Player(opened(one)), Player(opened(other))
        for player in (looked_at, left_alone):
            for wallet in WALLETS:
                player.face.positions("ethereum", wallet)
        looked_at.play(program, Judge(looked_at).look)
        left_alone.play(program, lambda: None)
        assert everything(looked_at.face) == everything(left_alone.face)


def everything(face: InProcessFace) -> bytes:
    asked = ("/admin/books", "/admin/requests")
    return msgspec.json.encode([face.chain(), *[face.control("GET", what) for what in asked]])
