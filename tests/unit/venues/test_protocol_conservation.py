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
from tests.support.protocol_money import check_protocols
from tests.support.venue_faces import InProcessFace
from tests.support.venue_intents import actions

from tightloop.domain import money
from tightloop.records.types import Action
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings

D = Decimal
WORTH = {"WETH": 2300, "ETH": 2300, "WBTC": 42_000, "USDT": 1, "USDC": 1, "DAI": 1}
DEBTS = ("aave:debtToken:USDT", "aave:debtToken:WETH", "morpho:Borrow:WETH/USDT", "morpho:Borrow:WBTC/USDC")

dollars = st.integers(1, 400_000)
rules = st.sampled_from(["number", "number", "number", "all", "previous_output"])


def amount(token: str, worth: int) -> Decimal:
    return D(worth * 100 // WORTH[token]).scaleb(-2) or D("0.01")


def step(protocol: str, operation: str, token: str, worth: int, rule: str, **fields: Any) -> Action:
    side = "token_out" if operation.startswith(("withdraw", "borrow")) else "token_in"
    if side not in fields:
        fields[side] = token
    given_ = amount(token, worth) if rule == "number" else None
    return Action(protocol=protocol, operation=operation, amount=given_, amount_rule=rule, **fields)


def swapped(tokens: tuple[str, str], worth: int, rule: str, parameters: dict[str, str]) -> Action:
    counted = tokens[1] if parameters.get("exact") == "output" else tokens[0]
    given_ = amount(counted, worth) if rule == "number" else None
    if "over" in parameters:
        parameters = {"path": f"{tokens[0]}/500/DAI/100/{tokens[1]}"}
    return Action(
        protocol="uniswap",
        operation="swap",
        token_in=tokens[0],
        token_out=tokens[1],
        amount=given_,
        amount_rule=rule,
        parameters=parameters,
    )


def pooled(operation: str, coins: tuple[str, str], worth: int, rule: str, one: bool) -> Action:
    fields: dict[str, Any] = {"parameters": {"pool": "3pool"}}
    if operation == "remove_liquidity":
        fields["token_in"] = None
        fields["token_out"] = coins[0] if one else None
    elif operation == "swap":
        fields["token_out"] = coins[1]
    elif one:
        fields["parameters"] |= {"other_amounts": f"{coins[1]}={worth % 1000 + 1}"}
    return step("curve", operation, coins[0], worth, rule, **fields)


def lent(operation: str, market: str, worth: int, rule: str) -> Action:
    collateral, loan = market.split("/")
    token = collateral if "collateral" in operation else loan
    return step("morpho", operation, token, worth, rule, parameters={"market": market})


def switched(token: str, enabled: str) -> Action:
    return Action(protocol="aave", operation="set_collateral", token_in=token, parameters={"enabled": enabled})


PAIRS = [("WETH", "USDT"), ("USDC", "WETH"), ("ETH", "USDC"), ("USDT", "WBTC"), ("WBTC", "WETH"), ("USDT", "USDC")]
WAYS = [{}, {"fee": "100"}, {"fee": "10000"}, {"exact": "output"}, {"over": "DAI"}]
steps = st.one_of(
    st.builds(swapped, st.sampled_from(PAIRS), dollars, rules, st.sampled_from(WAYS)),
    st.builds(
        pooled,
        st.sampled_from(["swap", "add_liquidity", "add_liquidity", "remove_liquidity"]),
        st.sampled_from([("USDC", "USDT"), ("USDT", "DAI"), ("DAI", "USDC")]),
        dollars,
        rules,
        st.booleans(),
    ),
    st.builds(
        step,
        st.just("aave"),
        st.sampled_from(["supply", "supply", "supply", "withdraw", "borrow", "borrow", "repay"]),
        st.sampled_from(["WETH", "USDT", "WBTC"]),
        dollars,
        rules,
    ),
    st.builds(
        lent,
        st.sampled_from(
            ["supply", "withdraw", "supply_collateral", "supply_collateral", "withdraw_collateral", "borrow", "repay"]
        ),
        st.sampled_from(["WETH/USDT", "WBTC/USDC"]),
        dollars,
        rules,
    ),
    st.builds(switched, st.sampled_from(["WETH", "USDT"]), st.sampled_from(["true", "false"])),
)
moves = st.one_of(
    *[st.tuples(st.just("send"), st.lists(steps, min_size=1, max_size=3))] * 12,
    st.tuples(st.just("advance"), st.sampled_from([1, 24, 24 * 20])),
    st.tuples(st.just("time"), st.sampled_from([0.5, 77.0, 4000.0])),
    st.tuples(st.just("liquidate"), st.sampled_from(DEBTS)),
    st.tuples(st.just("slip"), st.integers(1, 300)),
    st.tuples(st.just("reorg"), st.integers(1, 3)),
)
programs = st.lists(st.tuples(st.sampled_from(["s", "t"]), moves), min_size=10, max_size=25)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def prelude(face: InProcessFace) -> None:
    """So that most steps have something to act on."""
    for wallet in ("s", "t"):
        deposits = (
            step("aave", "supply", "WETH", 50_000, "number"),
            step("aave", "supply", "USDT", 50_000, "number"),
            step("aave", "borrow", "USDT", 30_000, "number"),
            lent("supply_collateral", "WETH/USDT", 50_000, "number"),
            lent("borrow", "WETH/USDT", 30_000, "number"),
            lent("supply", "WBTC/USDC", 50_000, "number"),
            lent("supply", "WETH/USDT", 1000, "number"),
            pooled("add_liquidity", ("USDC", "USDT"), 50_000, "number", one=True),
        )
        assert face.submit(actions(wallet, "deposits", face.now(), *deposits)).status == "filled"


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
