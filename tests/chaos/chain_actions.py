"""What the strategies of the chaos run do on a chain: every protocol and operation, alone and as programs."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from tests.chaos import workload

from tightloop.records.types import Action, SmartContractAction

D = Decimal
POOL = {"pool": "3pool"}
MARKET = {"market": "WETH/USDT"}


def actions(*steps: Action, atomic: bool | None = None) -> dict[str, Any]:
    """At the venue of the first step. ``atomic``: of a single step it makes no difference."""
    whole = {} if atomic is None else {"atomic": atomic}
    return {
        "venue": steps[0].protocol,
        "smart_contract_action": SmartContractAction(chain_id=1, actions=steps, **whole),
    }


def step(protocol: str, operation: str, amount: str | None, **fields: Any) -> Action:
    """``amount`` None: what the step before gave, unless ``fields`` say otherwise."""
    if amount is None:
        fields.setdefault("amount_rule", "previous_output")
    return Action(protocol=protocol, operation=operation, amount=None if amount is None else D(amount), **fields)


def swap(amount: str | None, token_in: str, token_out: str, **parameters: str) -> Action:
    return step("uniswap", "swap", amount, token_in=token_in, token_out=token_out, parameters=parameters)


def pooled(operation: str, amount: str | None, **tokens: str) -> Action:
    return step("curve", operation, amount, parameters=POOL, **tokens)


def lent(operation: str, amount: str | None, token: str, **fields: Any) -> Action:
    side = "token_in" if operation in ("supply", "repay") else "token_out"
    return step("aave", operation, amount, **{side: token}, **fields)


def at_morpho(operation: str, amount: str | None, **fields: Any) -> Action:
    token = "WETH" if "collateral" in operation else "USDT"
    side = "token_out" if operation.startswith(("withdraw", "borrow")) else "token_in"
    return step("morpho", operation, amount, parameters=MARKET, **{side: token}, **fields)


def switched(enabled: str) -> Action:
    return Action(
        protocol="aave", operation="set_collateral", token_in="USDT", parameters={"enabled": enabled}, amount=None
    )


def any_of_them(chance: random.Random) -> dict[str, Any]:
    """Some revert, as long as nothing is lent, pooled or borrowed yet."""
    return chance.choice(
        (
            actions(swap("100", "USDC", "WETH")),
            actions(swap("0.05", "WETH", "USDC")),
            actions(swap("0.02", "USDC", "WETH", exact="output")),
            actions(swap("150", "USDT", "WBTC", fee="3000")),
            actions(swap("150", "USDT", "WETH", path="USDT/100/USDC/500/WETH")),
            actions(pooled("swap", "120", token_in="USDC", token_out="USDT")),
            actions(pooled("add_liquidity", "80", token_in="USDC")),
            actions(pooled("remove_liquidity", "10", token_out="USDT")),
            actions(lent("supply", "50", "USDT")),
            actions(lent("withdraw", "10", "USDT")),  # reverts while nothing is supplied
            actions(lent("borrow", "2", "USDC")),
            actions(lent("repay", "1", "USDC")),
            actions(switched(chance.choice(("true", "false")))),
            actions(at_morpho("supply_collateral", "0.05")),
            actions(at_morpho("supply", "40")),
            actions(at_morpho("borrow", "5")),
            actions(at_morpho("repay", "2")),
            actions(at_morpho("withdraw", "3")),
            actions(at_morpho("withdraw_collateral", "0.001")),
            actions(swap("90", "USDC", "USDT"), lent("supply", None, "USDT"), atomic=True),
            actions(swap("0.03", "WETH", "USDC"), pooled("add_liquidity", None, token_in="USDC"), atomic=True),
            actions(lent("supply", "20", "USDT"), lent("borrow", "4000000", "USDC"), atomic=True),  # the second fails
            actions(swap("90", "USDC", "USDT"), lent("supply", None, "USDT")),  # a transaction each
            actions(swap("80", "USDC", "USDT"), lent("borrow", "4000000", "USDC")),  # the second fails
            workload.transfer(),
        )
    )
