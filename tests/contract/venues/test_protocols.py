"""Execution cases of the protocols of a chain: what a wallet pays, gets and holds, and how each step can fail."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.protocol_money import check_protocols
from tests.support.venue_faces import Face, InProcessFace
from tests.support.venue_intents import actions, lend, pool, swap

from tightloop.handlers.calls import OrderFound, Refused
from tightloop.records.types import Action

D = Decimal
HELD = "wallet:BaseToken:"
LP_TOKEN = "curve:LPToken:3pool"
SUPPLIED, COLLATERAL, DEBT = "morpho:Supply:WETH/USDT", "morpho:Collateral:WETH/USDT", "morpho:Borrow:WETH/USDT"
CENT = D("1e-6")


def market(operation: str, token: str, amount: Decimal | None = None, **fields: Any) -> Action:
    """An action of the Morpho market of USDT on WETH; without an amount: all."""
    gets = operation in ("withdraw", "withdraw_collateral", "borrow")
    if amount is None:
        fields.setdefault("amount_rule", "all")
    return Action(
        protocol="morpho",
        operation=operation,
        amount=amount,
        parameters={"market": "WETH/USDT"},
        **{"token_out" if gets else "token_in": token},
        **fields,
    )


def switch(token: str, enabled: str) -> Action:
    return Action(protocol="aave", operation="set_collateral", token_in=token, parameters={"enabled": enabled})


def done(face: Face, account: str, name: str, *steps: Action, **fields: Any) -> OrderFound:
    found = face.submit(actions(account, name, face.now(), *steps, **fields))
    assert isinstance(found, OrderFound), found
    assert found.status == "filled", found
    return found


def changes(face: Face, account: str, before: dict[str, Decimal]) -> dict[str, Decimal]:
    after = face.amounts("ethereum", account)
    keys = {*before, *after} - {HELD + "ETH"}
    found = {key: after.get(key, D(0)) - before.get(key, D(0)) for key in keys}
    return {key: amount for key, amount in found.items() if amount}


def refused(face: Face, account: str, name: str, *steps: Action, **fields: Any) -> Refused:
    answer = face.prepare(actions(account, name, face.now(), *steps, **fields))
    assert isinstance(answer, Refused), answer
    return answer


def until(face: Face, account: str, what: str, hours: int = 24 * 80) -> Any:
    """Let the market go on until the ledger has such an entry."""
    cursor = None
    for _ in range(hours // 12):
        face.control("POST", "/admin/clock", {"market_advance_s": 12 * 3600})
        page = face.ledger("ethereum", account, cursor)
        cursor = page.cursor
        for entry in page.entries:
            if what in entry.entry_id:
                return entry
    raise AssertionError(f"no {what} in {hours} hours")


# --- Uniswap ----------------------------------------------------------------------------------------------------------


def test_121_a_larger_swap_has_a_worse_price_and_a_dearer_tier_a_higher_fee(face: Face, account: str) -> None:
    prices = {}
    for name, amount in (("small", D(1)), ("large", D(90))):
        entry = done(face, account, name, swap("WETH", "USDT", amount)).entries[0]
        prices[name] = entry.cost / entry.amount
    assert D("0.99") * prices["small"] < prices["large"] < D("0.9999") * prices["small"]
    dear = done(face, account, "dear", swap("USDT", "WETH", D(1000), parameters={"fee": "10000"})).entries[0]
    cheap = done(face, account, "cheap", swap("USDT", "WETH", D(1000), parameters={"fee": "100"})).entries[0]
    assert D("0.9899") < dear.cost / cheap.cost < D("0.9902")


def test_122_an_exact_output_costs_what_it_costs_up_to_a_limit(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    exact = {"exact": "output", "max_amount_in": "5000"}
    found = done(face, account, "a", swap("USDT", "WETH", D("1.5"), parameters=exact))
    moved = changes(face, account, before)
    assert moved[HELD + "WETH"] == D("1.5") == found.entries[0].cost
    assert moved[HELD + "USDT"] == -found.entries[0].amount
    assert 3000 < found.entries[0].amount < 5000
    answer = refused(face, account, "b", swap("USDT", "WETH", D(3), parameters=exact))
    assert (answer.code, "5000.000000 is the most" in answer.message) == ("EXI-011", True)


def test_123_a_swap_goes_over_several_pools(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    path = {"path": "USDT/100/USDC/500/WETH/3000/WBTC"}
    over = done(face, account, "a", swap("USDT", "WBTC", D(20_000), parameters=path)).entries[0]
    assert changes(face, account, before) == {HELD + "USDT": D(-20_000), HELD + "WBTC": over.cost}
    one = done(face, account, "b", swap("USDT", "WBTC", D(20_000))).entries[0]
    assert D("0.996") < over.cost / one.cost < D("0.998")  # 0.01 % + 0.05 % + 0.3 %, against 0.05 %
    exact = {**path, "exact": "output"}
    back = done(face, account, "c", swap("USDT", "WBTC", over.cost, parameters=exact)).entries[0]
    assert abs(back.amount - 20_000) < D("0.02")
    assert back.gas_used > 2 * one.gas_used


def test_124_within_a_transaction_a_pool_keeps_what_was_done_to_it_and_after_it_arbitrage_comes(
    face: Face, account: str
) -> None:
    twice = (swap("WETH", "USDT", D(40)), swap("WETH", "USDT", D(40)))
    first, second = done(face, account, "a", *twice).entries[0].deltas[1::2][:2]
    assert second.amount < first.amount * D("0.9995")
    again = done(face, account, "b", swap("WETH", "USDT", D(10)), swap("USDT", "WETH", D(100_000))).entries[0]
    alone = done(face, account, "c", swap("WETH", "USDT", D(10))).entries[0]
    assert again.cost == alone.cost


# --- Curve ------------------------------------------------------------------------------------------------------------


def test_125_coins_of_a_pool_are_swapped_near_par(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    found = done(face, account, "a", pool("swap", D(10_000), token_in="USDC", token_out="USDT", min_amount_out=D(9998)))
    moved = changes(face, account, before)
    assert moved == {HELD + "USDC": D(-10_000), HELD + "USDT": found.entries[0].cost}
    assert D("9998.9") < moved[HELD + "USDT"] < D("9999.01")  # a fee of 0.01 %
    tight = pool("swap", D(900_000), token_in="USDC", token_out="USDT", max_slippage_bps=D("0.01"))
    assert refused(face, account, "b", tight).code == "EXI-011"


def test_126_liquidity_is_added_for_lp_tokens_and_taken_out_again(face: Face, account: str) -> None:
    before = face.amounts("ethereum", account)
    both = Action(
        protocol="curve",
        operation="add_liquidity",
        token_in="USDC",
        amount=D(6000),
        parameters={"pool": "3pool", "other_amounts": "USDT=4000"},
    )
    minted = done(face, account, "a", both).entries[0].cost
    moved = changes(face, account, before)
    assert moved == {HELD + "USDC": D(-6000), HELD + "USDT": D(-4000), LP_TOKEN: minted}
    assert D(9999) < minted < D("9999.9"), "what is out of proportion pays"
    done(face, account, "b", pool("remove_liquidity", D(3000)))
    moved = changes(face, account, before)
    assert moved[LP_TOKEN] == minted - 3000
    assert D("999.9") < moved[HELD + "DAI"] < D("1000.1"), "a third of every coin"
    done(face, account, "c", pool("remove_liquidity", token_out="USDC", amount_rule="all"))
    moved = changes(face, account, before)
    assert LP_TOKEN not in face.amounts("ethereum", account)
    assert D(-3) < sum(moved.values()) < 0, "all there and back for less than three in ten thousand"


def test_127_a_chain_over_several_protocols_feeds_each_output_on(face: Face, account: str) -> None:
    steps = (
        swap("WETH", "USDC", D(5)),
        pool("add_liquidity", token_in="USDC", amount_rule="previous_output"),
        pool("remove_liquidity", token_out="USDT", amount_rule="previous_output"),
        lend("supply", "USDT", amount_rule="previous_output"),
        switch("USDT", "false"),
        lend("withdraw", "USDT", amount_rule="previous_output"),
        market("supply", "USDT", amount_rule="previous_output"),
    )
    before = face.amounts("ethereum", account)
    done(face, account, "a", *steps, atomic=True)
    moved = changes(face, account, before)
    assert moved.keys() <= {HELD + "WETH", SUPPLIED, "aave:aToken:USDT"}
    assert moved[HELD + "WETH"] == -5
    assert moved[SUPPLIED] > 10_000


# --- Aave -------------------------------------------------------------------------------------------------------------


def test_128_interest_counts_by_the_second_and_stands_beside_the_step(own_face: Face) -> None:
    done(own_face, "s", "a", lend("supply", "WETH", D(50)), lend("borrow", "USDT", D(50_000)))
    own_face.pass_time(600)
    entry = done(own_face, "s", "b", lend("repay", "USDT", D(10_000))).entries[0]
    deltas = {(delta.position_key, delta.source): delta.amount for delta in entry.deltas}
    interest = deltas["aave:debtToken:USDT", "interest"]
    assert abs(interest - D("0.0618")) < D("0.0001")  # 50,000 at 6.5 % a year for 600 s
    assert abs(deltas["aave:debtToken:USDT", "trade"] + 10_000) <= CENT
    assert deltas[HELD + "USDT", "trade"] == -10_000


def test_129_collateral_is_switched_off_only_while_it_covers_no_debt(face: Face, account: str) -> None:
    done(face, account, "a", lend("supply", "WETH", D(10)), lend("supply", "USDC", D(20_000)))
    done(face, account, "b", switch("USDC", "false"))
    answer = refused(face, account, "c", lend("borrow", "USDT", D(30_000)))
    assert (answer.code, "action 0 (aave.borrow)" in answer.message) == ("EXI-006", True)
    done(face, account, "d", switch("USDC", "true"), lend("borrow", "USDT", D(30_000)), atomic=True)
    assert refused(face, account, "e", switch("USDC", "false")).code == "EXI-006"
    assert refused(face, account, "f", lend("withdraw", "WETH")).code == "EXI-006"
    done(face, account, "g", lend("repay", "USDT"), lend("withdraw", "WETH"), lend("withdraw", "USDC"), atomic=True)
    assert not [key for key in face.amounts("ethereum", account) if key.startswith("aave:")]


def test_130_when_prices_fall_liquidators_come(own_face: Face) -> None:
    face = own_face
    done(face, "s", "a", lend("supply", "WBTC", D(2)), lend("borrow", "USDT", D(60_000)), atomic=True)
    entry = until(face, "s", "liquidation")
    deltas = {delta.position_key: delta.amount for delta in entry.deltas}
    assert (entry.kind, entry.client_order_id, entry.tx_hash) == ("transfer", None, None)
    assert deltas.keys() == {"aave:aToken:WBTC", "aave:debtToken:USDT"}
    assert abs(deltas["aave:aToken:WBTC"] + entry.amount) <= D("1e-8"), "a unit is lost by rounding"
    assert abs(deltas["aave:debtToken:USDT"] + entry.cost) <= CENT
    assert D(30_000) < entry.cost < D(31_000), "half of the debt"
    price = entry.cost / entry.amount * D("1.05")  # the liquidator got it 5 % cheaper
    assert D(37_000) < price < D("38_500"), "2 BTC at 78 % no longer cover 60,000"
    held = face.amounts("ethereum", "s")
    assert held["aave:debtToken:USDT"] < D(31_000)
    assert held["aave:aToken:WBTC"] > 2 - entry.amount


def test_131_an_operator_sends_a_liquidator(face: Face, account: str) -> None:
    done(face, account, "a", lend("supply", "WETH", D(10)), lend("borrow", "USDT", D(8000)))
    before = face.amounts("ethereum", account)
    asked = {"lane": "ethereum", "account": account, "position_key": "aave:debtToken:USDT"}
    face.control("POST", "/admin/liquidate", asked)
    entry = face.entries("ethereum", account)[-1]
    moved = changes(face, account, before)
    assert moved == {"aave:aToken:WETH": -entry.amount, "aave:debtToken:USDT": -entry.cost}
    assert abs(entry.cost - 4000) <= CENT


# --- Morpho -----------------------------------------------------------------------------------------------------------


def test_132_a_debt_is_shares_and_ends_at_exactly_zero(own_face: Face) -> None:
    face = own_face
    before = face.amounts("ethereum", "s")
    done(face, "s", "a", market("supply_collateral", "WETH", D(20)), market("borrow", "USDT", D(30_000)))
    done(face, "s", "b", market("supply", "USDT", D(5000)))
    face.control("POST", "/admin/clock", {"market_advance_s": 24 * 3600})
    held = face.amounts("ethereum", "s")
    assert abs(held[DEBT] - D("30005.34")) < D("0.01")  # 6.5 % a year for a day
    assert abs(held[SUPPLIED] - D("5000.80")) < D("0.01")  # 90 % of it is lent
    assert held[COLLATERAL] == 20
    names = {entry.deltas[0].position_key for entry in face.entries("ethereum", "s") if entry.kind == "interest"}
    assert names == {DEBT, SUPPLIED}
    closing = market("repay", "USDT"), market("withdraw_collateral", "WETH"), market("withdraw", "USDT")
    done(face, "s", "c", *closing, atomic=True)
    assert changes(face, "s", before).keys() == {HELD + "USDT"}
    assert abs(changes(face, "s", before)[HELD + "USDT"] + D("4.54")) < D("0.01")


def test_133_a_debt_is_within_lltv_or_liquidated(own_face: Face) -> None:
    face = own_face
    collateral, owed = "morpho:Collateral:WBTC/USDC", "morpho:Borrow:WBTC/USDC"
    of = {"parameters": {"market": "WBTC/USDC"}}
    done(face, "s", "a", replace(market("supply_collateral", "WBTC", D(1)), **of))
    over = refused(face, "s", "b", replace(market("borrow", "USDC", D(36_200)), **of))
    assert (over.code, "is the most" in over.message) == ("EXI-006", True)
    done(face, "s", "c", replace(market("borrow", "USDC", D(35_000)), **of))
    assert refused(face, "s", "d", replace(market("withdraw_collateral", "WBTC", D("0.1")), **of)).code == "EXI-006"
    entry = until(face, "s", "liquidation")
    deltas = {delta.position_key: delta.amount for delta in entry.deltas}
    assert deltas == {collateral: -entry.amount, owed: -entry.cost}
    held = face.amounts("ethereum", "s")
    assert owed not in held, "all of it is repaid"
    assert held[collateral] == 1 - entry.amount
    price = entry.cost / entry.amount * D("1.043841")
    assert D(40_000) < price < D(40_800), "35,000 and interest at 86 %"


def test_134_there_is_no_more_to_lend_than_others_left(face: Face, account: str) -> None:
    opening = {HELD + "ETH": "10", HELD + "WETH": "5000"}
    face.control("POST", "/admin/accounts", {"lane": "ethereum", "account": account, "opening": opening})
    done(face, account, "a", market("supply_collateral", "WETH", D(5000)))
    answer = refused(face, account, "b", market("borrow", "USDT", D(5_500_000)))
    assert (answer.code, "to lend" in answer.message) == ("EXI-006", True)
    done(face, account, "c", market("borrow", "USDT", D(4_000_000)))


# --- what fails -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "code", "says"),
    [
        ([swap("USDT", "WETH", D(1), parameters={"fee": "123"})], "EXI-007", "there are 100, 500, 3000, 10000"),
        ([swap("USDT", "WETH", D(1), parameters={"max_amout_in": "1"})], "EXI-007", "did you mean max_amount_in?"),
        ([swap("USDT", "WETH", D(1), parameters={"path": "USDT/500/WBTC"})], "EXI-007", "from USDT to WETH"),
        ([swap("USDT", "WETH", D(1), parameters={"path": "USDT/WETH"})], "EXI-007", "path"),
        ([swap("USDT", "WETH", D(1), parameters={"exact": "both"})], "EXI-007", "input or output"),
        (
            [swap("USDT", "WETH", D(1), parameters={"exact": "output", "max_amount_in": "x"})],
            "EXI-007",
            "max_amount_in",
        ),
        ([swap("ETH", "WETH", D(1))], "EXI-007", "one token to a pool"),
        ([swap("USDT", "WETH", D(10) ** 9, parameters={"exact": "output"})], "EXI-011", "has not so much"),
        ([swap("USDT", "WETH", D(2_000_000))], "EXI-006", "action 0 (uniswap.swap)"),
        (
            [swap("USDT", "WETH", D(1)), pool("swap", D(1), token_in="DAI", token_out="WETH")],
            "EXI-007",
            "action 1: curve",
        ),
        ([pool("swap", D(1), token_in="USDC", token_out="USDC")], "EXI-007", "for itself"),
        ([pool("remove_liquidity", D(1))], "EXI-006", "action 0 (curve.remove_liquidity)"),
        ([pool("remove_liquidity", D(1), min_amount_out=D(1))], "EXI-007", "token_out"),
        ([lend("supply", "ETH", D(1))], "EXI-007", "no reserve of ETH"),
        ([lend("borrow", "USDT", D(1))], "EXI-006", "debts of 1"),
        ([lend("repay", "USDT", D(1))], "EXI-007", "nothing of USDT is owed"),
        ([lend("withdraw", "USDT", D(1))], "EXI-006", "aave:aToken:USDT"),
        ([switch("USDT", "false")], "EXI-006", "nothing of USDT is supplied"),
        ([switch("USDT", "no")], "EXI-007", "true or false"),
        ([Action(protocol="morpho", operation="supply", token_in="USDT", amount=D(1))], "EXI-007", "WETH/USDT"),
        ([market("supply", "USDC", D(1))], "EXI-007", "is of USDT"),
        ([market("borrow", "USDT", D(1))], "EXI-006", "is the most"),
        ([market("withdraw", "USDT", D(1))], "EXI-006", SUPPLIED),
        ([market("borrow", "USDT")], "EXI-007", "no `all` to borrow"),
    ],
)
def test_135_what_cannot_be_done_is_said_before_it_is_sent(
    face: Face, account: str, steps: list[Action], code: str, says: str
) -> None:
    before = face.amounts("ethereum", account)
    answer = refused(face, account, f"{steps}", *steps, atomic=True)
    assert answer.code == code, answer
    assert says in answer.message
    assert face.amounts("ethereum", account) == before


def test_136_a_step_that_fails_in_the_block_is_named_in_the_receipt(face: Face, account: str) -> None:
    face.fault("slip", account, count=1, slippage_bps="50")
    steps = (
        lend("supply", "WETH", D(1)),
        pool("swap", D(1000), token_in="USDC", token_out="USDT", max_slippage_bps=D(20)),
    )
    found = face.submit(actions(account, "a", face.now(), *steps, atomic=True))
    assert (found.status, found.code) == ("reverted", "EXI-011")
    assert "action 1 (curve.swap)" in found.message


# --- reorganisations --------------------------------------------------------------------------------------------------


def test_137_a_reorganisation_puts_pools_back_as_it_does_wallets(deep_face: Face, account: str) -> None:
    face = deep_face
    done_at = actions(account, "a", face.now(), pool("add_liquidity", D(5000), token_in="USDC"))
    face.submit(done_at)
    face.chain(mine=3)
    before = face.chain()["pools"]["curve:3pool"]
    face.submit(actions(account, "b", face.now(), pool("swap", D(9000), token_in="USDT", token_out="USDC")))
    assert face.chain()["pools"]["curve:3pool"] != before
    face.chain(reorg=1, lose=True)
    assert face.chain()["pools"]["curve:3pool"] == before
    if isinstance(face, InProcessFace):
        check_protocols(face.sandbox.chains["ethereum"])
