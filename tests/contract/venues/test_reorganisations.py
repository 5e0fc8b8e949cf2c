"""Execution cases of a chain whose blocks may go away: confirmations, reorganisations, and what readers are shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.venue_faces import Face, without_ids
from tests.support.venue_intents import actions, lend, swap

from tightloop.handlers.calls import Ledger, LedgerEntry, NotFound, OrderFound, Unavailable
from tightloop.records.types import JournalEntry

D = Decimal
ETH, WETH, SUPPLIED = "wallet:BaseToken:ETH", "wallet:BaseToken:WETH", "aave:aToken:WETH"


def prepared(face: Face, account: str, name: str = "a") -> JournalEntry:
    return face.prepared(actions(account, name, face.now(), swap("USDT", "WETH", D(1000))))


def hash_of(made: JournalEntry) -> str:
    transaction = made.submissions[-1].transaction
    assert transaction is not None
    return transaction.tx_hash


def assert_open(found: Any, confirmations: int | None) -> None:
    assert isinstance(found, OrderFound), found
    assert (found.status, found.confirmations, found.entries, found.cursor_after) == ("open", confirmations, (), None)


def shown(face: Face, account: str) -> tuple[list[LedgerEntry], dict[str, Decimal]]:
    """What the account's readers see, which must fit together."""
    ledger, positions = face.ledger("ethereum", account), face.positions("ethereum", account)
    assert isinstance(ledger, Ledger)
    assert (ledger.cursor, ledger.as_of) == (positions.cursor, positions.as_of)
    assert positions.venue_sequence == len(ledger.entries)
    assert positions.block_number == face.chain()["final_block"]
    return list(ledger.entries), positions.amounts


def test_101_a_transaction_is_final_when_enough_blocks_hold_it(deep_face: Face, account: str) -> None:
    face = deep_face
    before = shown(face, account)
    made = prepared(face, account)
    assert_open(face.submit(made), 1)
    assert shown(face, account) == before
    face.chain(mine=1)
    assert_open(face.find(made), 2)
    assert shown(face, account) == before
    assert face.nonce(account) == 1
    head = face.chain(mine=1)["head"]
    found = face.find(made)
    assert (found.status, found.confirmations, found.cursor_before, found.cursor_after) == ("filled", 3, "0", "1")
    assert found.entries[0].block_number == head - 2
    entries, amounts = shown(face, account)
    assert entries == without_ids(found.entries)
    assert amounts[WETH] == before[1][WETH] + found.entries[0].cost


def test_102_a_reorganisation_puts_a_transaction_back_into_the_mempool(deep_face: Face, account: str) -> None:
    face = deep_face
    before = shown(face, account)
    made = prepared(face, account)
    face.submit(made)
    gone = face.chain(mine=1)["head_hash"]
    after = face.chain(reorg=2)
    assert after["head_hash"] != gone
    assert [one["tx_hash"] for one in after["pending"]] == [hash_of(made)]
    assert_open(face.find(made), None)
    assert shown(face, account) == before
    assert face.nonce(account) == 0
    assert_open(face.submit(made), None)  # already known
    face.chain(mine=3)
    found = face.find(made)
    (line,) = found.entries
    assert (found.status, line.sequence) == ("filled", 1)
    assert shown(face, account)[0] == without_ids([line])


def test_103_a_reorganisation_that_loses_a_transaction_leaves_its_nonce_free(deep_face: Face, account: str) -> None:
    face = deep_face
    made = prepared(face, account)
    face.submit(made)
    head = face.chain(mine=1)["head"]
    assert face.chain(reorg=2, lose=True)["head"] == head, "the chain gets no shorter"
    missing = face.find(made)
    assert isinstance(missing, NotFound)
    assert (missing.nonce, missing.settled_nonce, missing.block_number) == (0, 0, head)
    assert_open(face.submit(made), 1)
    face.chain(mine=2)
    assert face.find(made).status == "filled"
    assert len(face.entries("ethereum", account)) == 1


def test_104_a_nonce_is_taken_for_good_only_by_what_is_deep_enough(deep_face: Face, account: str) -> None:
    face = deep_face
    ours = prepared(face, account)
    other = face.prepared(actions(account, "other", face.now(), swap("USDT", "WETH", D(2000))))
    assert_open(face.submit(other), 1)
    seen = []
    for _ in range(3):
        missing = face.find(ours)
        assert isinstance(missing, NotFound)
        seen.append((missing.nonce, missing.settled_nonce))
        face.chain(mine=1)
    assert seen == [(1, 0), (1, 0), (1, 1)]


def test_105_after_a_reorganisation_a_sibling_may_win(deep_face: Face, account: str) -> None:
    face = deep_face
    first = prepared(face, account)
    assert_open(face.submit(first), 1)
    face.chain(reorg=1)
    both = face.replaced(first, "cancel")
    assert_open(face.submit(both), 1)
    found = face.find(both)
    assert (found.tx_hash, found.confirmations) == (hash_of(both), 1)
    face.chain(mine=2)
    assert face.find(both).status == "cancelled"
    assert [line.tx_hash for line in face.entries("ethereum", account)] == [hash_of(both)]


def test_106_of_a_dropped_replacement_the_first_may_come_back(deep_face: Face, account: str) -> None:
    """Every sibling is evidence, for ever: a node that never saw the replacement may still send the first."""
    face = deep_face
    face.chain(automine=False)
    first = prepared(face, account)
    face.submit(first)
    both = face.replaced(first)
    face.submit(both)
    face.chain(drop=hash_of(both))
    assert isinstance(face.find(both), NotFound)
    assert_open(face.submit(first), None)
    assert_open(face.find(both), None)
    face.chain(mine=3)
    found = face.find(both)
    assert (found.status, found.tx_hash) == ("filled", hash_of(first))


def test_107_several_transactions_of_a_wallet_go_back_in_their_order(deep_face: Face, account: str) -> None:
    face = deep_face
    made = [prepared(face, account, name) for name in ("a",)]
    face.submit(made[0])
    for name in ("b", "c"):
        made.append(prepared(face, account, name))
        face.submit(made[-1])
    assert face.nonce(account) == 3
    face.chain(reorg=2)
    assert face.nonce(account) == 1
    assert [face.find(one).confirmations for one in made] == [3, None, None]
    assert face.find(made[0]).status == "filled"
    face.chain(mine=3)
    hashes = [line.tx_hash for line in face.entries("ethereum", account)]
    assert hashes == [hash_of(one) for one in made]


def test_108_a_cursor_never_points_at_what_may_vanish(own_deep_face: Face) -> None:
    """Interest accrues while a transaction that changes it is not final: nothing after it is shown before it is."""
    face = own_deep_face
    face.submit(face.prepared(actions("s", "a", face.now(), lend("supply", "WETH", D(10)))))
    face.chain(mine=2)
    cursor, read = "0", []

    def look() -> None:
        nonlocal cursor
        ledger = face.ledger("ethereum", "s", cursor)
        assert isinstance(ledger, Ledger), "a cursor that was given out is good for ever"
        read.extend(ledger.entries)
        cursor = ledger.cursor

    def hour(hours: int = 1) -> None:
        face.control("POST", "/admin/clock", {"market_advance_s": hours * 3600})
        look()

    look()
    hour()
    face.submit(face.prepared(actions("s", "b", face.now(), lend("withdraw", "WETH", D(9)))))
    hour(2)
    face.chain(reorg=1)
    hour()
    face.chain(mine=1)
    hour()
    face.chain(mine=2)
    hour()
    assert read == face.entries("ethereum", "s")
    assert [line.kind for line in read] == ["transaction", *["interest"] * 4, "transaction", *["interest"] * 2]
    assert all(line.deltas[0].amount > 0 for line in read if line.kind == "interest")
    held = shown(face, "s")[1]
    changed = sum(delta.amount for line in read for delta in line.deltas if delta.position_key == SUPPLIED)
    assert held[SUPPLIED] == changed


def test_109_what_drifted_is_not_undone_with_a_block(own_deep_face: Face) -> None:
    face = own_deep_face
    face.submit(face.prepared(actions("s", "a", face.now(), lend("supply", "WETH", D(10)))))
    face.chain(mine=2)
    made = prepared(face, "s", "b")
    face.submit(made)
    for key in (WETH, SUPPLIED):
        face.control("POST", "/admin/drift", {"lane": "ethereum", "account": "s", "position_key": key, "amount": "-1"})
    face.chain(reorg=1, lose=True)
    held = shown(face, "s")[1]
    assert held[WETH] == 89
    assert abs(held[SUPPLIED] - 9) <= D("2e-18")
    (books,) = face.control("GET", "/admin/books", account="s")["accounts"]
    assert [one["position_key"] for one in books["drifts"]] == [WETH, SUPPLIED]


def test_113_what_was_deposited_is_not_undone_with_a_block(own_deep_face: Face) -> None:
    face = own_deep_face
    made = prepared(face, "s")
    face.submit(made)
    deposit = {"lane": "ethereum", "account": "s", "position_key": WETH, "amount": "3", "reference": "0xd1"}
    face.control("POST", "/admin/deposit", deposit)
    assert shown(face, "s")[0] == [], "it came after what may still go away"
    face.chain(reorg=1)
    entries, held = shown(face, "s")
    assert [(line.kind, line.sequence, line.tx_hash) for line in entries] == [("deposit", 1, "0xd1")]
    assert held[WETH] == 103
    face.chain(mine=3)
    assert [line.tx_hash for line in face.entries("ethereum", "s")] == ["0xd1", hash_of(made)]


def test_110_a_restart_in_the_middle_of_it_all_changes_nothing(own_deep_face: Face) -> None:
    face = own_deep_face
    face.chain(block_time_s=7)
    made = [prepared(face, "s", "a")]
    face.submit(made[0])
    face.fault("revert", "s", count=1)
    made.append(prepared(face, "s", "b"))
    face.submit(made[1])
    face.pass_time(8)
    face.chain(reorg=2)
    made.append(prepared(face, "t", "c"))
    face.chain(base_fee="1", automine=False)
    face.submit(made[2])
    books, chain, requests = (face.control("GET", f"/admin/{what}") for what in ("books", "requests", "health"))
    before = [books, chain, requests, face.chain(), *[face.find(one) for one in made]]
    face.restart()
    books, chain, requests = (face.control("GET", f"/admin/{what}") for what in ("books", "requests", "health"))
    assert [books, chain, requests, face.chain(), *[face.find(one) for one in made]] == before
    face.chain(base_fee=None)
    face.pass_time(30)
    assert [face.find(one).status for one in made] == ["filled", "reverted", "filled"]


@pytest.mark.parametrize("blocks", [2, 3])
def test_111_only_a_reorganisation_as_deep_as_the_confirmations_takes_back_what_was_final(
    own_deep_face: Face, blocks: int
) -> None:
    face = own_deep_face
    made = prepared(face, "s")
    face.submit(made)
    face.chain(mine=2)
    cursor = face.ledger("ethereum", "s").cursor
    assert face.find(made).status == "filled"
    face.chain(reorg=blocks)
    if blocks == 2:
        assert face.find(made).status == "filled"
        assert isinstance(face.ledger("ethereum", "s", cursor), Ledger)
    else:
        assert_open(face.find(made), None)
        assert isinstance(face.ledger("ethereum", "s", cursor), Unavailable)


def test_112_what_replaces_a_block_has_its_number_and_another_hash(deep_face: Face) -> None:
    face = deep_face
    face.chain(mine=3)
    empty = face.chain()
    replaced = face.chain(reorg=1)
    assert replaced["head"] == empty["head"]
    assert replaced["head_hash"] != empty["head_hash"]
