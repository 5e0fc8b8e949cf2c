"""Execution cases of a chain whose transactions are replaced: bumps, cancels, known hashes, gaps."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.venue_faces import Face
from tests.support.venue_intents import transfer

from tightloop.handlers.calls import NotFound, Refused
from tightloop.venues.sim.transactions import wallet_address

from .waiting import GWEI, assert_waits, entry, latest, paying

D = Decimal
ETH, USDT = "wallet:BaseToken:ETH", "wallet:BaseToken:USDT"


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
