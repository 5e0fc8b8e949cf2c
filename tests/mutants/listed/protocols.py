"""Slips in the protocols of a simulated chain."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_PURE = "tests/unit/venues/protocols"
_MONEY = "tests/unit/venues/test_protocol_conservation.py"
_FIXED = f"{_MONEY}::test_each_step_keeps_the_money_together"
_CASES = "tests/contract/venues/test_protocols.py"

MUTANTS = (
    Mutant(
        name="pools-keep-what-a-reorganisation-undid",
        breaks="after a reorganisation a pool holds the money of a transaction that never was",
        file="venues/sim/chain.py",
        old="            self.books.pools = gone[-1].pools_before\n",
        new="            pass\n",
        tests=(_CASES, _MONEY),
    ),
    Mutant(
        name="an-admin-fee-leaves-the-pool-unseen",
        breaks="what the protocol takes of a fee is gone from the pool and went nowhere",
        file="venues/sim/protocols/curve.py",
        old="tuple(given - taken for given, taken in",
        new="tuple(given for given, taken in",
        tests=(_FIXED,),
    ),
    Mutant(
        name="a-pool-is-opened-anew",
        breaks="what a wallet paid into a pool is forgotten at the next transaction",
        file="venues/sim/protocols/uniswap.py",
        old="pools.opened(hop.tokens, state) if left is None else left.followed(state)",
        new="pools.opened(hop.tokens, state)",
        tests=(_FIXED,),
    ),
    Mutant(
        name="a-withdrawal-burns-a-share-too-few",
        breaks="a wallet gets a unit for nothing with every withdrawal",
        file="venues/sim/protocols/aave.py",
        old="up=True)\n        draft.set_shares(key, max(held - burned, 0))",
        new="up=False)\n        draft.set_shares(key, max(held - burned, 0))",
        tests=(f"{_MONEY}::test_lending_is_rounded_in_the_markets_favour",),
    ),
    Mutant(
        name="a-loan-is-a-share-too-few",
        breaks="a wallet owes a unit less than it got",
        file="venues/sim/protocols/aave.py",
        old="up=True))\n        draft.move(HELD + token, amount",
        new="up=False))\n        draft.move(HELD + token, amount",
        tests=(f"{_MONEY}::test_lending_is_rounded_in_the_markets_favour",),
    ),
    Mutant(
        name="interest-is-taken-for-the-step",
        breaks="what accrued since the last step counts as part of a repayment",
        file="venues/sim/drafts.py",
        old='- self.balance(key), "interest")',
        new='- self.balance(key), "trade")',
        tests=(_CASES, _MONEY),
    ),
    Mutant(
        name="collateral-may-leave-a-debt",
        breaks="a wallet withdraws what its debts rest on",
        file="venues/sim/protocols/aave.py",
        old='        self._check_sound(draft, acting.at)\n        return Step("withdraw"',
        new='        return Step("withdraw"',
        tests=(_CASES,),
    ),
    Mutant(
        name="no-liquidator-comes",
        breaks="a debt over its limit stays, and a strategy learns in production that it does not",
        file="venues/sim/wallet_accruals.py",
        old="                self._liquidate(account, due)\n",
        new="",
        tests=(_CASES,),
    ),
    Mutant(
        name="a-tick-is-crossed-the-wrong-way",
        breaks="liquidity that ends at a tick is doubled behind it",
        file="venues/sim/protocols/concentrated.py",
        old="liquidity += -pool.net[next_tick] if sells0 else pool.net[next_tick]",
        new="liquidity += pool.net[next_tick]",
        tests=(_PURE,),
    ),
    Mutant(
        name="an-imbalance-is-free",
        breaks="a coin is turned into another over a pool's liquidity without a fee",
        file="venues/sim/protocols/stableswap.py",
        old="    counted = [new - fee for new, fee in zip(paid, fees, strict=True)]",
        new="    counted = paid",
        tests=(_PURE,),
    ),
    Mutant(
        name="a-step-fails-without-a-place",
        breaks="nobody knows which step of a chain could not be done",
        file="venues/sim/execution.py",
        old='raise Reverted(failure.code, f"{place}: {failure.message}") from failure',
        new="raise",
        tests=(_CASES,),
    ),
)
