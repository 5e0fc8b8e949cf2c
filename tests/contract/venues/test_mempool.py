"""Execution cases of a chain whose transactions wait: blocks, fees, replacements, gaps, what is dropped."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face, without_ids
from tests.support.venue_intents import actions, swap, to_be_sent, transfer

from tightloop.handlers.calls import NotFound, OrderFound, Prepared, Refused
from tightloop.records.types import JournalEntry, PreparedTransaction
from tightloop.venues.sim.transactions import signed, wallet_address

D = Decimal
ETH, USDT = "wallet:BaseToken:ETH", "wallet:BaseToken:USDT"
GWEI = D("1e-9")


def entry(face: Face, account: str, name: str = "a", **fields: Any) -> JournalEntry:
    return actions(account, name, face.now(), swap("USDT", "WETH", D(1000)), **fields)


def latest(made: JournalEntry) -> PreparedTransaction:
    transaction = made.submissions[-1].transaction
    assert transaction is not None
    return transaction


def paying(made: JournalEntry, cap: Decimal, tip: Decimal) -> JournalEntry:
    """The same, with a sibling that pays this."""
    transaction = replace(latest(made), max_fee_per_gas=cap, max_priority_fee_per_gas=tip)
    return to_be_sent(made, signed(made.account, transaction), "bump")


def assert_waits(found: Any) -> None:
    assert isinstance(found, OrderFound), found
    assert (found.status, found.confirmations, found.entries, found.cursor_after) == ("open", None, (), None)


# --- preparing --------------------------------------------------------------------------------------------------------


def test_79_a_transaction_is_prepared_with_room_for_dearer_gas_and_changes_nothing(face: Face, account: str) -> None:
    chain, books = face.chain(base_fee=str(20 * GWEI)), face.control("GET", "/admin/books")
    answer = face.prepare(entry(face, account))
    assert isinstance(answer, Prepared)
    made = answer.what
    assert isinstance(made, PreparedTransaction)
    assert (made.chain_id, made.nonce, made.to) == (1, 0, wallet_address(account))
    assert made.max_priority_fee_per_gas == D(chain["tip"])
    assert made.max_fee_per_gas == 2 * 20 * GWEI + D(chain["tip"])
    assert made.gas_limit == (21_000 + 130_000) * 1.2
    assert answer.as_of == face.now()
    mine = {one["account"]: one for one in face.control("GET", "/admin/books")["accounts"]}.pop(account)
    assert (mine["nonce"], mine["ledger"], mine["transactions"]) == (0, [], [])
    assert face.chain()["pending"] == []
    assert [one for one in face.control("GET", "/admin/books")["accounts"] if one["account"] != account] == [
        one for one in books["accounts"] if one["account"] != account
    ]


def test_80_the_journals_nonce_counts_where_the_node_lags(face: Face, account: str) -> None:
    assert latest(face.prepared(entry(face, account), least_nonce=None)).nonce == 0
    assert latest(face.prepared(entry(face, account), least_nonce=3)).nonce == 3
    face.submit(entry(face, account))
    assert latest(face.prepared(entry(face, account, "b"), least_nonce=0)).nonce == 1


def test_81_what_may_cost_more_than_the_instruction_allows_is_not_prepared(face: Face, account: str) -> None:
    face.chain(base_fee=str(10 * GWEI))
    most = latest(face.prepared(entry(face, account)))
    cost = most.gas_limit * most.max_fee_per_gas
    assert isinstance(face.prepare(entry(face, account, max_fee=cost)), Prepared)
    refused = face.prepare(entry(face, account, max_fee=cost - D("1e-18")))
    assert isinstance(refused, Refused)
    assert refused.code == "EXI-010"
    waiting = face.prepared(entry(face, account, max_fee=cost))
    bump = face.replace(waiting, "bump")
    assert isinstance(bump, Refused)
    assert bump.code == "EXI-010"
    assert isinstance(face.replace(waiting, "cancel"), Prepared), "an empty transaction takes a tenth of the gas"
    face.chain(base_fee=str(100 * GWEI))
    cancel = face.replace(waiting, "cancel")
    assert isinstance(cancel, Refused)
    assert cancel.code == "EXI-010"


# --- blocks and fees --------------------------------------------------------------------------------------------------


def test_82_a_transaction_waits_for_its_block(face: Face, account: str) -> None:
    face.chain(automine=False)
    made = face.prepared(entry(face, account))
    before = face.amounts("ethereum", account)
    assert_waits(face.submit(made))
    assert_waits(face.find(made))
    assert (face.amounts("ethereum", account), face.entries("ethereum", account)) == (before, [])
    assert face.nonce(account) == 0
    head = face.chain(mine=1)["head"]
    found = face.find(made)
    assert (found.status, found.confirmations, found.entries[0].block_number) == ("filled", 1, head)
    assert found.entries[0].client_order_id == made.client_order_id
    assert face.entries("ethereum", account) == without_ids(found.entries)
    assert face.nonce(account) == 1


def test_83_blocks_come_by_time_as_of_when_they_were_due(face: Face, account: str) -> None:
    face.chain(automine=False, block_time_s=5)
    set_at, head = face.now(), face.chain()["head"]
    made = face.prepared(entry(face, account))
    face.submit(made)
    face.pass_time(4.9)
    assert_waits(face.find(made))
    face.pass_time(8)
    (line,) = face.find(made).entries
    assert (line.event_time, line.block_number) == (set_at + timedelta(seconds=5), head + 1)
    assert face.chain()["head"] == head + 2
    face.pass_time(100_000 * 5)
    assert face.chain()["head"] == head + 100_002


def test_84_what_pays_less_than_the_base_fee_waits_until_that_falls(face: Face, account: str) -> None:
    face.chain(base_fee=str(10 * GWEI))
    made = face.prepared(entry(face, account))
    face.chain(base_fee=str(latest(made).max_fee_per_gas + D("1e-18")))
    assert_waits(face.submit(made))
    face.chain(mine=3)
    assert_waits(face.find(made))
    face.chain(base_fee=str(latest(made).max_fee_per_gas), mine=1)
    (line,) = face.find(made).entries
    assert line.effective_gas_price == latest(made).max_fee_per_gas, "it never pays more than its cap"


def test_85_base_fee_and_tip_are_paid_for_the_gas_that_was_used(face: Face, account: str) -> None:
    face.chain(base_fee=str(10 * GWEI))
    before = face.amounts("ethereum", account)[ETH]
    made = face.prepared(entry(face, account))
    (line,) = face.submit(made).entries
    price = 10 * GWEI + latest(made).max_priority_fee_per_gas
    assert (line.gas_used, line.effective_gas_price) == (151_000, price)
    assert before - face.amounts("ethereum", account)[ETH] == 151_000 * price


# --- replacements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cap", "tip", "taken"), [("1.1", "1.1", True), ("1.2", "1.0999", False), ("1.0999", "1.2", False)]
)
def test_86_a_replacement_pays_a_tenth_more_on_both_fees(
    face: Face, account: str, cap: str, tip: str, taken: bool
) -> None:
    face.chain(automine=False)
    who = f"{account}{cap}{tip}"
    first = face.prepared(entry(face, who))
    face.submit(first)
    fees = latest(first)
    dearer = paying(first, fees.max_fee_per_gas * D(cap), fees.max_priority_fee_per_gas * D(tip))
    answer = face.submit(dearer)
    if taken:
        assert_waits(answer)
    else:
        assert isinstance(answer, Refused)
        assert (answer.code, "underpriced" in answer.message) == ("EXI-009", True)
    face.chain(mine=1)
    assert face.find(dearer).tx_hash == latest(dearer if taken else first).tx_hash
    assert len(face.entries("ethereum", who)) == 1


def test_87_a_bump_outbids_all_its_siblings_and_whichever_is_mined_is_found(face: Face, account: str) -> None:
    face.chain(automine=False)
    made = face.prepared(entry(face, account))
    face.submit(made)
    fees = latest(made)
    odd = paying(made, fees.max_fee_per_gas * 2, fees.max_priority_fee_per_gas)  # never sent, and dearer in its cap
    bumped = face.replaced(odd)
    higher = latest(bumped)
    assert higher.max_fee_per_gas == fees.max_fee_per_gas * 2 * D("1.125")
    assert higher.max_priority_fee_per_gas == fees.max_priority_fee_per_gas * D("1.125")
    assert (higher.nonce, higher.data, higher.gas_limit) == (fees.nonce, fees.data, fees.gas_limit)
    assert higher.tx_hash != fees.tx_hash
    assert_waits(face.submit(bumped))
    assert [one["tx_hash"] for one in face.chain(mine=1)["blocks"][-1]["transactions"]] == [higher.tx_hash]
    found = face.find(bumped)
    assert (found.status, found.tx_hash) == ("filled", higher.tx_hash)
    assert isinstance(face.find(made), NotFound), "what was replaced is nowhere"


def test_88_a_bump_pays_for_the_base_fee_of_the_day(face: Face, account: str) -> None:
    face.chain(base_fee=str(10 * GWEI))
    made = face.prepared(entry(face, account))
    face.chain(base_fee=str(100 * GWEI))
    assert_waits(face.submit(made))
    bumped = face.replaced(made)
    assert latest(bumped).max_fee_per_gas == 200 * GWEI + latest(bumped).max_priority_fee_per_gas
    assert face.submit(bumped).status == "filled"


@pytest.mark.parametrize("native", [False, True])
def test_89_a_cancel_takes_the_nonce_and_moves_nothing_but_gas(face: Face, account: str, native: bool) -> None:
    face.chain(automine=False)
    who = f"{account}{native}"
    first = transfer(who, "a", face.now(), "ETH", D(5)) if native else entry(face, who)
    made = face.prepared(first)
    face.submit(made)
    cancelled = face.replaced(face.replaced(made), "cancel")
    empty = latest(cancelled)
    assert (empty.to, empty.value, empty.data, empty.gas_limit) == (wallet_address(who), 0, b"", 21_000)
    assert empty.nonce == latest(made).nonce
    assert_waits(face.submit(cancelled))
    face.chain(mine=1)
    found = face.find(cancelled)
    (line,) = found.entries
    assert (found.status, found.tx_hash, found.code) == ("cancelled", empty.tx_hash, None)
    assert {(one.position_key, one.source) for one in line.deltas} == {(ETH, "gas")}
    assert (line.amount, line.client_order_id, line.gas_used) == (0, made.client_order_id, 21_000)
    assert face.nonce(who) == 1


def test_90_a_hash_that_is_known_is_there_and_is_looked_up(face: Face, account: str) -> None:
    face.chain(automine=False)
    made = face.prepared(entry(face, account))
    face.submit(made)
    assert_waits(face.submit(made))
    face.chain(mine=1)
    assert face.submit(made).status == "filled"
    assert [request["code"] for request in face.requests(account)] == [None, "already_known", "already_known"]
    assert len(face.entries("ethereum", account)) == 1


def test_91_a_gap_of_nonces_waits_until_it_is_filled(face: Face, account: str) -> None:
    ahead = face.prepared(entry(face, account, "ahead"), least_nonce=1)
    assert_waits(face.submit(ahead))
    face.chain(mine=2)
    assert_waits(face.find(ahead))
    behind = face.prepared(entry(face, account, "behind"))
    assert face.submit(behind).status == "filled"
    assert face.find(ahead).status == "filled"
    hashes = [line.tx_hash for line in face.entries("ethereum", account)]
    assert hashes == [latest(behind).tx_hash, latest(ahead).tx_hash]


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["hash", "account"])
def test_92_what_the_mempool_dropped_can_be_sent_again(face: Face, account: str, by: str) -> None:
    face.chain(automine=False)
    made = face.prepared(entry(face, f"{account}{by}"))
    face.submit(made)
    face.chain(**({"drop": latest(made).tx_hash} if by == "hash" else {"drop_account": made.account}))
    head = face.chain(mine=1)["head"]
    missing = face.find(made)
    assert isinstance(missing, NotFound)
    assert (missing.nonce, missing.settled_nonce, missing.block_number) == (0, 0, head)
    assert_waits(face.submit(made))
    face.chain(mine=1)
    assert face.find(made).status == "filled"


def test_93_a_fault_keeps_a_transaction_waiting_or_loses_it(face: Face, account: str) -> None:
    face.fault("pending", account, count=1)
    waits = face.prepared(entry(face, account))
    assert_waits(face.submit(waits))
    bumped = face.replaced(waits)
    assert face.submit(bumped).status == "filled", "the fault was met once"
    face.fault("drop_pending", account, count=1)
    lost = face.prepared(entry(face, account, "b"))
    assert_waits(face.submit(lost))
    face.chain(mine=1)
    missing = face.find(lost)
    assert isinstance(missing, NotFound)
    assert missing.nonce == 1
    assert face.submit(lost).status == "filled"


def test_94_an_injected_revert_or_slip_is_met_when_it_is_mined(face: Face, account: str) -> None:
    face.chain(automine=False)
    face.fault("revert", account, count=1)
    made = face.prepared(entry(face, account))
    assert_waits(face.submit(made))
    face.chain(mine=1)
    found = face.find(made)
    assert (found.status, found.code) == ("reverted", "EXI-008")
    assert [delta.position_key for delta in found.entries[0].deltas] == [ETH]


def test_95_a_wallet_that_can_pay_no_more_waits(face: Face, account: str) -> None:
    face.chain(automine=False)
    made = face.prepared(entry(face, account))
    face.submit(made)
    drift = {"lane": "ethereum", "account": account, "position_key": ETH}
    face.control("POST", "/admin/drift", {**drift, "amount": "-99.999"})
    face.chain(mine=1)
    assert_waits(face.find(made))
    face.control("POST", "/admin/drift", {**drift, "amount": "99.999"})
    face.chain(mine=1)
    assert face.find(made).status == "filled"


def test_95_a_wallet_that_cannot_pay_is_refused(face: Face, account: str) -> None:
    made = face.prepared(entry(face, account))
    most = latest(made).gas_limit * latest(made).max_fee_per_gas
    drift = {"lane": "ethereum", "account": account, "position_key": ETH}
    face.control("POST", "/admin/drift", {**drift, "amount": str(most - 100 - D("1e-18"))})
    answer = face.submit(made)
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-006"
    face.control("POST", "/admin/drift", {**drift, "amount": "1e-18"})
    assert face.submit(made).status == "filled"


def test_96_a_gas_limit_that_is_too_low_is_spent_for_nothing(face: Face, account: str) -> None:
    made = face.prepared(entry(face, account))
    low = to_be_sent(made, signed(account, replace(latest(made), gas_limit=150_999)))
    found = face.submit(low)
    assert (found.status, found.code, found.entries[0].gas_used) == ("reverted", "EXI-008", 150_999)
    assert [delta.position_key for delta in found.entries[0].deltas] == [ETH]
    none = to_be_sent(made, signed(account, replace(latest(made), nonce=1, gas_limit=20_999)))
    answer = face.submit(none)
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-007"


def test_97_the_venues_words_come_with_what_they_decide(face: Face, account: str) -> None:
    made = face.prepared(entry(face, account))
    missing, filled, known = face.find(made), face.submit(made), face.find(made)
    refused = face.prepare(actions(account, "b", face.now(), swap("USDT", "PEPE", D(1))))
    for answer in (missing, filled, known, refused):
        assert answer.raw is not None, answer
        assert latest(made).tx_hash in answer.raw or "PEPE" in answer.raw
    assert datetime.fromisoformat(json.loads(missing.raw)["as_of"]) == face.now()
