"""Programs over all protocols of a chain, of two wallets at once: nothing appears and nothing is lost, the books are a
function of the log, and looking at them changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.chain_programs import LIQUIDATED, MOVES, deposits, pooled, swapped
from tests.support.protocol_money import check_protocols
from tests.support.venue_faces import InProcessFace
from tests.support.venue_intents import actions

from tightloop.domain import money
from tightloop.records.types import Action
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings

D = Decimal
moves = st.one_of(
    *[st.tuples(st.just("send"), st.lists(MOVES, min_size=1, max_size=3))] * 12,
    st.tuples(st.just("advance"), st.sampled_from([1, 24, 24 * 20])),
    st.tuples(st.just("time"), st.sampled_from([0.5, 77.0, 4000.0])),
    st.tuples(st.just("liquidate"), st.sampled_from(LIQUIDATED)),
    st.tuples(st.just("slip"), st.integers(1, 300)),
    st.tuples(st.just("reorg"), st.integers(1, 3)),
)
programs = st.lists(st.tuples(st.sampled_from(["s", "t"]), moves), min_size=10, max_size=25)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def prelude(face: InProcessFace) -> None:
    """So that most steps have something to act on."""
    for wallet in ("s", "t"):
        assert face.submit(actions(wallet, "deposits", face.now(), *deposits())).status == "filled"


def play(face: InProcessFace, program: list[tuple[str, Any]], *, looks: bool) -> None:
    prelude(face)
    for number, (wallet, (kind, given_)) in enumerate(program):
        with suppress(VenueError):
            if kind == "send":
                face.submit(actions(wallet, f"i{number}", face.now(), *given_))
            elif kind == "advance":
                face.control("POST", "/admin/clock", {"market_advance_s": given_ * 3600})
            elif kind == "time":
                face.pass_time(given_)
            elif kind == "liquidate":
                asked = {"lane": "ethereum", "account": wallet, "position_key": given_}
                face.control("POST", "/admin/liquidate", asked)
            elif kind == "slip":
                face.fault("slip", wallet, count=1, slippage_bps=str(given_), operations=["transaction"])
            else:
                face.chain(reorg=given_, mine=1)
        if looks:
            look(face)


def look(face: InProcessFace) -> None:
    for wallet in ("s", "t"):
        face.positions("ethereum", wallet)
    check_protocols(face.sandbox.chains["ethereum"])
    for account in face.sandbox.chains["ethereum"].accounts.values():
        held = dict.fromkeys(account.opening, D(0)) | account.opening
        for entry in account.ledger:
            for delta in entry.deltas:
                held[delta.position_key] = held.get(delta.position_key, D(0)) + delta.amount
        assert {key: value for key, value in held.items() if value} == {
            key: value for key, value in account.balances.items() if value
        }
        assert all(value >= 0 for value in held.values())


def everything(face: InProcessFace) -> bytes:
    return msgspec.json.encode([face.chain(), face.control("GET", "/admin/books")])


def opened(folder: str) -> InProcessFace:
    face = InProcessFace(
        Path(folder), SimSettings(exchanges=(), chains=(chain("ethereum"),), interest_step_s=12 * 3600)
    )
    for wallet in ("s", "t"):
        face.positions("ethereum", wallet)
    return face


def test_each_step_keeps_the_money_together(tmp_path: Path) -> None:
    """Twice each, so that the second finds what the first left, and arbitrage has something to put right."""
    face = opened(str(tmp_path))
    prelude(face)
    for number in range(2):
        for place, one in enumerate(
            (
                swapped(("WETH", "USDT"), 30_000, "number", {}),
                swapped(("USDT", "WBTC"), 70_000, "number", {"over": "DAI"}),
                swapped(("USDC", "ETH"), 50_000, "number", {"exact": "output"}),
                pooled("swap", ("USDC", "USDT"), 90_000, "number", one=False),
                pooled("add_liquidity", ("USDT", "DAI"), 50_000, "number", one=False),
                pooled("remove_liquidity", ("USDC", "USDT"), 10_000, "number", one=True),
                pooled("remove_liquidity", ("USDC", "USDT"), 10_000, "number", one=False),
            )
        ):
            found = face.submit(actions("s", f"i{number}.{place}", face.now(), one))
            assert getattr(found, "status", None) == "filled", found
            look(face)
        face.control("POST", "/admin/clock", {"market_advance_s": 24 * 3600})


def test_lending_is_rounded_in_the_markets_favour(tmp_path: Path) -> None:
    """What a wallet gives is at least what the market owes it for that, and by less than two units more."""
    face = opened(str(tmp_path))
    prelude(face)
    face.control("POST", "/admin/clock", {"market_advance_s": 20 * 24 * 3600})
    for number in range(60):
        face.pass_time(number)
        odd = D(1_000_003 + number * 7919).scaleb(-6)
        for protocol, fields in (("aave", {}), ("morpho", {"parameters": {"market": "WETH/USDT"}})):
            for operation in ("supply", "borrow", "withdraw", "repay"):
                side = "token_out" if operation in ("borrow", "withdraw") else "token_in"
                one = Action(protocol=protocol, operation=operation, amount=odd, **{side: "USDT"}, **fields)
                found = face.submit(actions("s", f"{protocol}{operation}{number}", face.now(), one))
                assert getattr(found, "status", None) == "filled", found
                moved = {one.position_key: one.amount for one in found.entries[0].deltas if one.source == "trade"}
                owed = sum(amount for key, amount in moved.items() if "debt" in key or "Borrow" in key)
                rest = sum(amount for key, amount in moved.items() if "debt" not in key and "Borrow" not in key)
                assert 0 <= owed - rest < D("0.000002"), (protocol, operation, moved)


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
@given(programs)
def test_what_wallets_give_is_in_pools_and_markets_and_a_restart_changes_nothing(
    program: list[tuple[str, Any]],
) -> None:
    with TemporaryDirectory() as folder, money.exact():
        face = opened(folder)
        play(face, program, looks=True)
        seen = everything(face)
        face.restart()
        assert everything(face) == seen
        face.close()


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
@given(programs)
def test_looking_at_wallets_and_pools_in_between_changes_nothing(program: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other, money.exact():
        looked_at, left_alone = opened(one), opened(other)
        play(looked_at, program, looks=True)
        play(left_alone, program, looks=False)
        assert everything(looked_at) == everything(left_alone)
