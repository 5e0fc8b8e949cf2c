"""Steps on a chain for random programs: every protocol and operation, as strategies would say them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tightloop.records.types import Action

D = Decimal
WORTH = {"WETH": 2300, "ETH": 2300, "WBTC": 42_000, "USDT": 1, "USDC": 1, "DAI": 1}
LIQUIDATED = ("aave:debtToken:USDT", "aave:debtToken:WETH", "morpho:Borrow:WETH/USDT", "morpho:Borrow:WBTC/USDC")
PAIRS = [("WETH", "USDT"), ("USDC", "WETH"), ("ETH", "USDC"), ("USDT", "WBTC"), ("WBTC", "WETH"), ("USDT", "USDC")]
WAYS = [{}, {"fee": "100"}, {"fee": "10000"}, {"exact": "output"}, {"over": "DAI"}]

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


MOVES = st.one_of(
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


def deposits() -> tuple[Action, ...]:
    """So that most steps have something to act on: supplies, debts on them, liquidity."""
    return (
        step("aave", "supply", "WETH", 50_000, "number"),
        step("aave", "supply", "USDT", 50_000, "number"),
        step("aave", "borrow", "USDT", 30_000, "number"),
        lent("supply_collateral", "WETH/USDT", 50_000, "number"),
        lent("borrow", "WETH/USDT", 30_000, "number"),
        lent("supply", "WBTC/USDC", 50_000, "number"),
        lent("supply", "WETH/USDT", 1000, "number"),
        pooled("add_liquidity", ("USDC", "USDT"), 50_000, "number", one=True),
    )
