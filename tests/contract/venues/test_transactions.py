"""Execution cases of a chain: swaps, lending, transfers; reverts, nonces, gas."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face
from tests.support.venue_intents import actions, lend, swap, to_be_sent, transfer

from tightloop.handlers.calls import Ambiguous, NotFound, NotSent, OrderFound, Refused
from tightloop.records.types import Action

D = Decimal
ETH, WETH, USDT = "wallet:BaseToken:ETH", "wallet:BaseToken:WETH", "wallet:BaseToken:USDT"
SUPPLIED, DEBT = "aave:aToken:WETH", "aave:debtToken:USDT"
WEI = D("1e-18")
FAILING = (lend("supply", "WETH", D(10)), lend("borrow", "USDT", D(900_000)), swap("USDT", "WETH", D(1)))


def test_61_a_swap_moves_both_tokens_and_pays_gas_in_the_native_one(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    sent = face.prepared(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000), min_amount_out=D("0.1"))))
    found = face.submit(sent)
    assert isinstance(found, OrderFound), found
    (entry,) = found.entries
    assert (found.status, found.tx_hash, entry.kind) == ("filled", entry.tx_hash, "transaction")
    assert (entry.symbol, entry.side, entry.amount) == ("USDT/WETH", "sell", 1000)
    gas = entry.gas_used * entry.effective_gas_price
    assert gas > 0
    assert {(delta.position_key, delta.amount, delta.source) for delta in entry.deltas} == {
        (USDT, D(-1000), "trade"),
        (WETH, entry.cost, "trade"),
        (ETH, -gas, "gas"),
    }
    assert [(fee.position_key, fee.amount, fee.kind) for fee in entry.fees] == [(ETH, gas, "gas")]
    after = face.positions("ethereum", account)
    assert after.amounts[WETH] - before[WETH] == entry.cost
    assert after.block_number is not None
    assert after.block_number >= entry.block_number
    assert face.nonce(account) == 1
    assert face.find(sent).entries == found.entries


def test_62_lending_goes_round_and_ends_at_exactly_zero(own_face: Face) -> None:
    face = own_face
    chain = "ethereum"
    face.submit(actions("s", "a", face.now(), lend("supply", "WETH", D("10.000000000000000001"))))
    face.submit(actions("s", "b", face.now(), lend("borrow", "USDT", D(5000))))
    held = face.amounts(chain, "s")
    assert abs(held[SUPPLIED] - D("10.000000000000000001")) <= WEI
    assert D(5000) <= held[DEBT] <= D("5000.000001")
    face.control("POST", "/admin/clock", {"market_advance_s": 48 * 3600})
    grown = face.amounts(chain, "s")
    assert grown[SUPPLIED] > held[SUPPLIED]
    assert grown[DEBT] > held[DEBT]
    interest = [entry for entry in face.entries(chain, "s") if entry.kind == "interest"]
    assert len(interest) == 2 * 48
    assert sum(e.deltas[0].amount for e in interest if e.symbol == "WETH") == grown[SUPPLIED] - held[SUPPLIED]
    assert face.submit(actions("s", "c", face.now(), lend("repay", "USDT"))).status == "filled"
    assert face.submit(actions("s", "d", face.now(), lend("withdraw", "WETH"))).status == "filled"
    closed = face.amounts(chain, "s")
    assert SUPPLIED not in closed
    assert DEBT not in closed
    assert closed[WETH] == 100 + (grown[SUPPLIED] - D("10.000000000000000001"))


def test_63_an_atomic_chain_feeds_each_output_on(face: Face, account: str) -> None:
    steps = (
        lend("supply", "WETH", D(10)),
        lend("borrow", "USDT", D(4000)),
        swap("USDT", "WETH", None, amount_rule="previous_output"),
        lend("supply", "WETH", amount_rule="previous_output"),
    )
    found = face.submit(actions(account, "a", face.now(), *steps, atomic=True))
    assert (found.status, len(found.entries)) == ("filled", 1)
    held = face.amounts("ethereum", account)
    assert held[USDT] == 1_000_000
    assert held[SUPPLIED] > 11


def test_64_a_failing_step_ends_a_chain_that_need_not_be_whole(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    found = face.submit(actions(account, "a", face.now(), *FAILING))
    (entry,) = found.entries
    after = face.amounts("ethereum", account)
    assert (found.status, entry.amount) == ("cancelled", 10)
    assert {delta.position_key for delta in entry.deltas} == {ETH, WETH, SUPPLIED}
    assert after[ETH] == before[ETH] - entry.gas_used * entry.effective_gas_price
    assert face.nonce(account) == 1


def test_99_a_failing_step_undoes_a_whole_chain_and_is_seen_before_it_is_sent(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    answer = face.prepare(actions(account, "a", face.now(), *FAILING, atomic=True))
    assert isinstance(answer, Refused), answer
    assert (answer.code, "would revert" in answer.message) == ("EXI-006", True)
    assert face.amounts("ethereum", account) == before
    assert face.nonce(account) == 0


def test_65_too_little_out_is_seen_before_it_is_sent_or_reverts_at_the_cost_of_gas(face: Face, account: str) -> None:
    answer = face.prepare(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000), min_amount_out=D(1))))
    assert isinstance(answer, Refused), answer
    assert answer.code == "EXI-011"
    face.fault("slip", account, count=1, slippage_bps="30")
    slipped = face.submit(actions(account, "b", face.now(), swap("USDT", "WETH", D(1000), max_slippage_bps=D(20))))
    assert (slipped.status, slipped.code) == ("reverted", "EXI-011")
    assert [delta.position_key for delta in slipped.entries[0].deltas] == [ETH]


def test_66_a_transfer_leaves_the_wallet(face: Face, account: str) -> None:
    found = face.submit(transfer(account, "a", face.now(), "USDT", D("12.5")))
    (entry,) = found.entries
    assert (found.status, entry.kind, entry.symbol, entry.amount) == ("filled", "transfer", "USDT", D("12.5"))
    assert (USDT, D("-12.5"), "transfer") in {(one.position_key, one.amount, one.source) for one in entry.deltas}
    native = face.submit(transfer(account, "b", face.now(), "ETH", D("1.5")))
    assert (native.status, native.entries[0].kind, native.entries[0].gas_used) == ("filled", "transfer", 21_000)
    assert (ETH, D("-1.5"), "transfer") in {
        (one.position_key, one.amount, one.source) for one in native.entries[0].deltas
    }
    everything = face.prepare(transfer(account, "c", face.now(), "ETH", face.amounts("ethereum", account)[ETH]))
    assert isinstance(everything, Refused), everything
    assert everything.code == "EXI-006"


def test_67_a_nonce_acts_once(face: Face, account: str) -> None:
    other = face.prepared(actions(account, "b", face.now(), swap("USDT", "WETH", D(2000))))
    first = face.prepared(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000))))
    assert face.submit(first).status == "filled"
    low = face.submit(other)
    assert isinstance(low, Refused)
    assert low.code == "EXI-009"
    missing = face.find(other)
    assert isinstance(missing, NotFound)
    assert (missing.nonce, missing.settled_nonce) == (1, 1)
    assert len(face.entries("ethereum", account)) == 1


def test_68_a_duplicated_broadcast_acts_once(face: Face, account: str) -> None:
    face.fault("duplicate_request", account, count=1)
    assert face.submit(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000)))).status == "filled"
    assert len(face.entries("ethereum", account)) == 1
    assert [request["code"] for request in face.requests(account)] == [None, "already_known"]


def test_69_a_lost_broadcast_is_found_or_its_nonce_is_free(face: Face, account: str) -> None:
    face.fault("lost_before", account, count=1)
    entry = face.prepared(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000))))
    assert isinstance(face.submit(entry), Ambiguous)
    missing = face.find(entry)
    assert isinstance(missing, NotFound)
    assert missing.nonce == 0
    face.control("DELETE", "/admin/faults")
    face.fault("lost_after", account, count=1)
    assert isinstance(face.submit(entry), Ambiguous)
    assert face.find(entry).status == "filled"


def test_70_an_injected_revert_spends_gas_and_nonce(face: Face, account: str) -> None:
    face.fault("revert", account, count=1)
    found = face.submit(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000))))
    assert (found.status, found.code) == ("reverted", "EXI-008")
    assert face.nonce(account) == 1


@pytest.mark.parametrize(
    ("step", "fields", "code"),
    [
        (swap("USDT", "WETH", D(1000)), {"max_fee": D("0.0000001")}, "EXI-010"),
        (swap("USDT", "WETH", D(1000)), {"chain_id": 5}, "EXI-007"),
        (swap("USDT", "PEPE", D(1000)), {}, "EXI-007"),
        (swap("USDT", "WETH", D(0)), {}, "EXI-007"),
        (swap("USDT", "WETH", D("NaN")), {}, "EXI-007"),
        (Action(protocol="curve", operation="stake", token_in="USDT", amount=D(1)), {}, "EXI-013"),
        (Action(protocol="aave", operation="supply", amount=D(1)), {}, "EXI-007"),
    ],
)
def test_71_what_no_node_takes_costs_nothing(
    face: Face, account: str, step: Action, fields: dict[str, Any], code: str
) -> None:
    before = face.amounts("ethereum", account)
    answer = face.prepare(actions(account, f"a{step}{fields}", face.now(), step, **fields))
    assert isinstance(answer, Refused), answer
    assert answer.code == code
    assert face.amounts("ethereum", account) == before
    assert face.nonce(account) == 0


def test_72_without_gas_nothing_is_taken(face: Face, account: str) -> None:
    chain = face.chain()
    enough_for_the_gas = 200_000 * (D(chain["base_fee"]) + D(chain["tip"]))
    opening = {"lane": "ethereum", "account": account, "opening": {USDT: "1000", ETH: str(enough_for_the_gas)}}
    face.control("POST", "/admin/accounts", opening)
    answer = face.prepare(actions(account, "a", face.now(), swap("USDT", "WETH", D(1000))))
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-006"
    assert "is there" in answer.message, "it can pay for the gas, but not for the whole limit at its cap"


def test_73_after_its_deadline_it_reverts(own_face: Face) -> None:
    deadline = own_face.now() + timedelta(seconds=1)
    made = actions("s", "a", own_face.now(), swap("USDT", "WETH", D(1000)), deadline=deadline)
    entry = own_face.prepared(made)
    own_face.pass_time(2)
    assert own_face.submit(entry).status == "reverted"
    late = own_face.prepare(made)
    assert isinstance(late, Refused), late
    assert late.code == "EXI-008"


def test_74_a_drift_of_a_lending_balance_is_not_healed_by_interest(own_face: Face) -> None:
    face = own_face
    face.submit(actions("s", "a", face.now(), lend("supply", "WETH", D(10))))
    drift = {"lane": "ethereum", "account": "s", "position_key": SUPPLIED, "amount": "-1"}
    face.control("POST", "/admin/drift", drift)
    face.control("POST", "/admin/clock", {"market_advance_s": 3600})
    assert D(9) < face.amounts("ethereum", "s")[SUPPLIED] < D("9.01")


def test_75_a_restart_keeps_receipts_nonces_and_interest(own_face: Face) -> None:
    face = own_face
    entry = face.prepared(actions("s", "a", face.now(), lend("supply", "WETH", D(10))))
    face.submit(entry)
    face.control("POST", "/admin/clock", {"market_advance_s": 5 * 3600})
    books = face.control("GET", "/admin/books")
    face.restart()
    assert face.control("GET", "/admin/books") == books
    assert face.find(entry).status == "filled"
    assert face.nonce("s") == 1


def test_76_what_was_journalled_is_sent_and_nothing_else(face: Face, account: str) -> None:
    """The hash is over everything that is signed: a chain refuses what was changed after it was prepared."""
    entry = face.prepared(actions(account, "a", face.now(), swap("USDT", "WETH", D(10))))
    transaction = entry.submissions[-1].transaction
    assert transaction is not None
    for changed in (
        {"chain_id": 5},
        {"nonce": 7},
        {"to": "0x" + "cd" * 20},
        {"value": D(1)},
        {"data": transaction.data.replace(b"10", b"11")},
        {"gas_limit": transaction.gas_limit + 1},
        {"max_fee_per_gas": transaction.max_fee_per_gas + WEI},
        {"max_priority_fee_per_gas": transaction.max_priority_fee_per_gas + WEI},
        {"authorisation": b"x"},
        {"tx_hash": "0x" + "cd" * 32},
    ):
        other = to_be_sent(entry, replace(transaction, **changed))
        answer = face.submit(other)
        assert isinstance(answer, Refused), (changed, answer)
        assert (answer.code, "hash" in answer.message) == ("EXI-007", True)
    stolen = to_be_sent(actions(f"{account}2", "a", face.now()), transaction)
    answer = face.submit(stolen)
    assert isinstance(answer, Refused), "the sender is signed, too"
    assert "hash" in answer.message
    assert face.submit(entry).tx_hash == transaction.tx_hash


def test_77_an_intent_that_was_not_prepared_is_refused(face: Face, account: str) -> None:
    entry = actions(account, "a", face.now(), swap("USDT", "WETH", D(10)))
    answer = face.drive(face.adapters["ethereum"].submit(entry, face.gate(entry, None)))
    assert isinstance(answer, Refused)
    assert answer.code == "EXI-007"
    missing = face.find(entry)
    assert isinstance(missing, NotFound)
    assert missing.nonce == 0


def test_78_a_chain_refuses_for_now_when_it_is_busy(face: Face, account: str) -> None:
    face.fault("rate_limit", account, count=1)
    entry = face.prepared(actions(account, "a", face.now(), swap("USDT", "WETH", D(10))))
    assert isinstance(face.submit(entry), NotSent)
    assert face.submit(entry).status == "filled"
