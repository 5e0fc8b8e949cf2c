"""Transfers: out of an exchange, between its wallets, out of a wallet; what each end shows of them, and when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.contract.venues.exchanges import Exchange
from tests.support.lanes import account as ref
from tests.support.venue_faces import Face
from tests.support.venue_intents import perp, transfer

from tightloop.handlers.calls import (
    Ambiguous,
    Arrived,
    DepositAddress,
    NotFound,
    NotSent,
    OrderFound,
    Refused,
)
from tightloop.records.types import JournalEntry

D = Decimal
THOUSAND = D(1000)
SENT_AFTER_S = 2.0  # the simulated exchanges' time from a request until it is sent
CREDITED_AFTER_S = 1.0  # and from then until it is credited


def withdrawal(
    exchange: Exchange, name: str, amount: Decimal = THOUSAND, asset: str = "USDT", **fields: Any
) -> JournalEntry:
    """To the wallet of the same name on the chain."""
    chosen = {"to": wallet(exchange).address, **fields}
    return transfer(
        exchange.account, name, exchange.now(), asset, amount, lane=exchange.lane, source=exchange.lane, **chosen
    )


def inside(exchange: Exchange, name: str, source: str, to: str, amount: Decimal, asset: str = "USDT") -> JournalEntry:
    lane = exchange.lane
    return transfer(
        exchange.account, name, exchange.now(), asset, amount, f"{lane}:{to}", lane=lane, source=f"{lane}:{source}"
    )


def wallet(exchange: Exchange, asset: str = "USDT") -> DepositAddress:
    told = address(exchange.face, "ethereum", exchange.account, asset)
    assert isinstance(told, DepositAddress), told
    return told


def address(face: Face, lane: str, name: str, asset: str = "USDT", network: str | None = None) -> Any:
    return face.drive(face.adapters[lane].deposit_address(ref(lane, name), asset, network))


def arrival(face: Face, lane: str, name: str, reference: str) -> Any:
    return face.drive(face.adapters[lane].find_arrival(ref(lane, name), reference))


def key(exchange: Exchange, market: str = "spot", asset: str = "USDT") -> str:
    return exchange.settings.balance_key(market, asset)


def held(exchange: Exchange, market: str = "spot", asset: str = "USDT") -> Decimal:
    return exchange.face.amounts(exchange.lane, exchange.account).get(key(exchange, market, asset), D(0))


def two_wallets(exchange: Exchange) -> None:
    if exchange.settings.unified:
        pytest.skip(f"{exchange.lane} has one wallet for both its markets")


def sent(exchange: Exchange, entry: JournalEntry) -> OrderFound:
    """Taken, and sent by now."""
    entry = exchange.face.prepared(entry)
    taken = exchange.face.submit(entry)
    assert isinstance(taken, OrderFound), taken
    exchange.pass_time(SENT_AFTER_S)
    found = exchange.face.find(entry)
    assert isinstance(found, OrderFound), found
    return found


# --- out of an exchange -----------------------------------------------------------------------------------------------


def test_200_a_withdrawal_is_taken_then_sent_then_credited(exchange: Exchange) -> None:
    face, before = exchange.face, held(exchange)
    there = face.amounts("ethereum", exchange.account)["wallet:BaseToken:USDT"]
    entry = face.prepared(withdrawal(exchange, "w1"))
    taken = face.submit(entry)
    assert (taken.status, taken.tx_hash, len(taken.entries)) == ("open", None, 1)
    assert face.find(entry).status == "open"
    (debit,) = taken.entries
    assert held(exchange) == before + sum(delta.amount for delta in debit.deltas)
    exchange.pass_time(SENT_AFTER_S)
    found = face.find(entry)
    assert (found.status, found.entries) == ("filled", (debit,))
    assert isinstance(arrival(face, "ethereum", exchange.account, found.tx_hash), NotFound)
    exchange.pass_time(CREDITED_AFTER_S)
    came = arrival(face, "ethereum", exchange.account, found.tx_hash)
    assert isinstance(came, Arrived)
    travelled = -sum(delta.amount for delta in debit.deltas if delta.source == "transfer")
    assert [delta.amount for delta in came.entry.deltas] == [travelled]
    assert face.amounts("ethereum", exchange.account)["wallet:BaseToken:USDT"] == there + travelled


def test_201_the_fee_is_a_delta_of_its_own_as_the_exchange_takes_it(exchange: Exchange) -> None:
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    (debit,) = exchange.face.submit(entry).entries
    fee = entry.submissions[-1].transfer.fee if entry.submissions[-1].transfer else D(0)
    left = D(1000) if exchange.settings.fee_on_top else D(1000) - fee
    assert [(one.position_key, one.amount, one.source) for one in debit.deltas] == [
        (key(exchange), -left, "transfer"),
        (key(exchange), -fee, "fee"),
    ]
    assert [(one.amount, one.kind) for one in debit.fees] == [(fee, "network")]


def test_202_a_withdrawal_that_fails_gives_all_of_it_back(exchange: Exchange) -> None:
    before = held(exchange)
    exchange.fault("withdrawal_fails")
    found = sent(exchange, withdrawal(exchange, "w1"))
    assert (found.status, found.code, found.tx_hash, len(found.entries)) == ("reverted", "EXI-001", None, 2)
    assert sum(delta.amount for entry in found.entries for delta in entry.deltas) == 0
    assert held(exchange) == before
    exchange.pass_time(60)
    assert held(exchange) == before


def test_203_an_answer_that_is_lost_is_found_by_its_id(exchange: Exchange) -> None:
    exchange.fault("lost_after", operations=["transfer"])
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    assert isinstance(exchange.face.submit(entry), Ambiguous)
    assert exchange.face.find(entry).status == "open"
    assert [one["result"] for one in exchange.face.requests(exchange.account)] == ["acted"]


def test_204_a_request_that_is_lost_is_not_found_and_nothing_moved(exchange: Exchange) -> None:
    before = held(exchange)
    exchange.fault("lost_before", operations=["transfer"])
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    assert isinstance(exchange.face.submit(entry), Ambiguous)
    assert isinstance(exchange.face.find(entry), NotFound)
    assert held(exchange) == before


def test_205_an_id_that_is_pending_is_no_second_withdrawal(exchange: Exchange) -> None:
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    exchange.face.submit(entry)
    before = held(exchange)
    assert isinstance(exchange.face.submit(entry), Ambiguous)
    assert held(exchange) == before


def test_206_a_request_signed_long_ago_moves_nothing(exchange: Exchange) -> None:
    before = held(exchange)
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    exchange.fault("late_before", operations=["transfer"], delay_s=exchange.settings.acceptance_window_s + 1)
    if exchange.face.__class__.__name__ != "InProcessFace":
        pytest.skip("on a clock that stands still nothing comes late over HTTP")
    assert isinstance(exchange.face.submit(entry), NotSent)
    assert held(exchange) == before


def test_207_what_an_exchange_does_not_move_is_refused_before_it_is_asked(exchange: Exchange) -> None:
    unknown = exchange.face.prepare(withdrawal(exchange, "w1", asset="DOGE"))
    assert (unknown.code, "moves no DOGE" in unknown.message) == ("EXI-013", True)
    misspelt = exchange.face.prepare(withdrawal(exchange, "w2", network="etherium"))
    assert (misspelt.code, "did you mean 'ethereum'" in misspelt.message) == ("EXI-013", True)
    little = exchange.face.prepare(withdrawal(exchange, "w3", amount=D(1)))
    assert (little.code, "least withdrawal" in little.message) == ("EXI-007", True)
    assert exchange.face.requests(exchange.account) == []


def test_208_more_than_there_is_is_refused_and_nothing_moves(exchange: Exchange) -> None:
    before = held(exchange)
    refused = exchange.face.submit(withdrawal(exchange, "w1", amount=D(100_000_000)))
    assert isinstance(refused, Refused)
    assert refused.code == "EXI-006"
    assert held(exchange) == before


def test_209_the_ledger_shows_a_withdrawal_with_its_id(exchange: Exchange) -> None:
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    (debit,) = exchange.face.submit(entry).entries
    assert exchange.face.entries(exchange.lane, exchange.account)[-1] == debit
    assert (debit.kind, debit.client_order_id) == ("transfer", entry.client_order_id)


def test_210_what_never_arrives_is_never_found(exchange: Exchange) -> None:
    exchange.fault("never_arrives")
    found = sent(exchange, withdrawal(exchange, "w1"))
    assert found.status == "filled"
    exchange.pass_time(3600)
    assert isinstance(arrival(exchange.face, "ethereum", exchange.account, found.tx_hash or ""), NotFound)


def test_211_what_arrives_late_is_found_then(exchange: Exchange) -> None:
    exchange.fault("arrives_late", delay_s=100.0)
    found = sent(exchange, withdrawal(exchange, "w1"))
    exchange.pass_time(CREDITED_AFTER_S + 99)
    assert isinstance(arrival(exchange.face, "ethereum", exchange.account, found.tx_hash or ""), NotFound)
    exchange.pass_time(1)
    assert isinstance(arrival(exchange.face, "ethereum", exchange.account, found.tx_hash or ""), Arrived)


def test_212_killed_between_debit_and_arrival_the_venue_credits_it_once(own_exchange: Exchange) -> None:
    exchange = own_exchange
    there = exchange.face.amounts("ethereum", exchange.account)["wallet:BaseToken:USDT"]
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    exchange.face.submit(entry)
    exchange.restart()
    exchange.pass_time(SENT_AFTER_S + CREDITED_AFTER_S)
    found = exchange.face.find(entry)
    came = arrival(exchange.face, "ethereum", exchange.account, found.tx_hash)
    assert isinstance(came, Arrived)
    exchange.restart()
    again = arrival(exchange.face, "ethereum", exchange.account, found.tx_hash)
    assert again.entry == came.entry
    (moved,) = came.entry.deltas
    assert exchange.face.amounts("ethereum", exchange.account)["wallet:BaseToken:USDT"] == there + moved.amount


def test_213_killed_before_it_fails_the_money_comes_back_once(own_exchange: Exchange) -> None:
    exchange, before = own_exchange, held(own_exchange)
    exchange.fault("withdrawal_fails")
    entry = exchange.face.prepared(withdrawal(exchange, "w1"))
    exchange.face.submit(entry)
    exchange.restart()
    exchange.pass_time(SENT_AFTER_S)
    assert exchange.face.find(entry).status == "reverted"
    exchange.restart()
    assert exchange.face.find(entry).status == "reverted"
    assert held(exchange) == before


# --- between the wallets of an exchange -------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "to", "sign"), [("spot", "perp", 1), ("perp", "spot", -1)])
def test_220_between_the_wallets_of_an_account_it_is_done_at_once(
    exchange: Exchange, source: str, to: str, sign: int
) -> None:
    two_wallets(exchange)
    spot, margin = held(exchange), held(exchange, "perp")
    found = exchange.face.submit(inside(exchange, f"m-{source}", source, to, D(500)))
    assert (found.status, len(found.entries), found.entries[0].fees) == ("filled", 1, ())
    assert held(exchange) == spot - sign * 500
    assert held(exchange, "perp") == margin + sign * 500


def test_221_an_asset_that_is_no_margin_is_refused_before_it_is_asked(exchange: Exchange) -> None:
    two_wallets(exchange)
    refused = exchange.face.prepare(inside(exchange, "m1", "spot", "perp", D(1), "BTC"))
    assert (refused.code, "as margin" in refused.message) == ("EXI-007", True)


def test_222_what_a_position_needs_as_margin_stays(exchange: Exchange) -> None:
    two_wallets(exchange)
    opened = exchange.face.submit(perp(exchange.account, "p1", exchange.now(), lane=exchange.lane, amount=D(100)))
    assert isinstance(opened, OrderFound), opened
    everything = held(exchange, "perp")
    refused = exchange.face.submit(inside(exchange, "m1", "perp", "spot", everything))
    assert isinstance(refused, Refused)
    assert refused.code == "EXI-006"
    assert held(exchange, "perp") == everything
    assert exchange.face.submit(inside(exchange, "m2", "perp", "spot", D(100))).status == "filled"


# --- into an account --------------------------------------------------------------------------------------------------


def test_230_each_account_has_an_address_of_its_own(exchange: Exchange) -> None:
    face, lane = exchange.face, exchange.lane
    mine, theirs = address(face, lane, exchange.account), address(face, lane, "another")
    assert isinstance(mine, DepositAddress)
    assert (mine.network, address(face, lane, exchange.account) == mine) == ("ethereum", True)
    assert len({mine.address, theirs.address, wallet(exchange).address}) == 3


def test_231_what_does_not_arrive_there_has_no_address(exchange: Exchange) -> None:
    face = exchange.face
    for lane, asset, network in (
        (exchange.lane, "DOGE", None),
        (exchange.lane, "USDT", "etherium"),
        ("ethereum", "BTC", None),
    ):
        told = address(face, lane, exchange.account, asset, network)
        assert isinstance(told, Refused)
        assert told.code == "EXI-013", told


@pytest.mark.parametrize(("asset", "amount"), [("USDT", D(1000)), ("ETH", D("1.5"))])
def test_232_what_a_wallet_sends_arrives_at_the_exchange(face: Face, account: str, asset: str, amount: Decimal) -> None:
    name = f"{account}.{asset}"
    to = address(face, "binance", name, asset)
    before = face.amounts("binance", name)[f"binance:BaseToken:{asset}"]
    found = face.submit(transfer(name, "t1", face.now(), asset, amount, to.address))
    assert found.status == "filled"
    came = arrival(face, "binance", name, found.tx_hash)
    assert isinstance(came, Arrived)
    assert came.entry.kind == "deposit"
    assert face.amounts("binance", name)[f"binance:BaseToken:{asset}"] == before + amount


def test_233_a_deposit_is_credited_once_enough_blocks_hold_it(deep_face: Face, account: str) -> None:
    """Three, as the chain says."""
    face = deep_face
    to = address(face, "ethereum", f"{account}.to")
    entry = face.prepared(transfer(account, "t1", face.now(), "USDT", D(1000), to.address))
    found = face.submit(entry)
    for _ in range(2):
        assert isinstance(arrival(face, "ethereum", f"{account}.to", found.tx_hash), NotFound)
        face.chain(mine=1)
    assert isinstance(arrival(face, "ethereum", f"{account}.to", found.tx_hash), Arrived)
    assert face.find(entry).status == "filled"


def test_234_a_transfer_that_reverts_brings_nothing(face: Face, account: str) -> None:
    to = address(face, "binance", account)
    before = face.amounts("binance", account)
    face.fault("revert", account)
    found = face.submit(transfer(account, "t1", face.now(), "USDT", D(1000), to.address))
    assert found.status == "reverted"
    assert isinstance(arrival(face, "binance", account, found.tx_hash), NotFound)
    assert face.amounts("binance", account) == before


def test_235_a_transfer_that_a_reorganisation_takes_back_arrives_when_it_is_mined_again(
    deep_face: Face, account: str
) -> None:
    face = deep_face
    to = address(face, "ethereum", f"{account}.to")
    before = face.amounts("ethereum", f"{account}.to")["wallet:BaseToken:USDT"]
    found = face.submit(transfer(account, "t1", face.now(), "USDT", D(1000), to.address))
    face.chain(mine=1)
    face.chain(automine=False)
    face.chain(reorg=2)
    face.chain(mine=1)
    assert isinstance(arrival(face, "ethereum", f"{account}.to", found.tx_hash), NotFound)
    face.chain(mine=3)
    assert isinstance(arrival(face, "ethereum", f"{account}.to", found.tx_hash), Arrived)
    assert face.amounts("ethereum", f"{account}.to")["wallet:BaseToken:USDT"] == before + 1000


def test_236_a_deposit_to_an_address_of_nobody_arrives_nowhere(face: Face, account: str) -> None:
    found = face.submit(transfer(account, "t1", face.now(), "USDT", D(1000)))
    assert found.status == "filled"
    assert isinstance(arrival(face, "binance", account, found.tx_hash), NotFound)


def test_223_where_both_markets_share_a_wallet_nothing_is_moved_inside(exchange: Exchange) -> None:
    if not exchange.settings.unified:
        pytest.skip(f"{exchange.lane} has a wallet for each market")
    before = held(exchange)
    refused = exchange.face.prepare(inside(exchange, "m1", "spot", "perp", D(1)))
    assert (refused.code, "one wallet" in refused.message) == ("EXI-007", True)
    assert held(exchange) == before
