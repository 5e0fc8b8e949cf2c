"""Execution cases of a chain whose transactions wait: preparing, blocks, fees, what is dropped."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face, without_ids
from tests.support.venue_intents import actions, swap, to_be_sent

from tightloop.handlers.calls import NotFound, Prepared, Refused
from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim.transactions import signed, wallet_address

from .waiting import GWEI, assert_waits, entry, latest

D = Decimal
ETH, USDT = "wallet:BaseToken:ETH", "wallet:BaseToken:USDT"
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


def test_98_a_wallet_that_cannot_pay_is_refused(face: Face, account: str) -> None:
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
