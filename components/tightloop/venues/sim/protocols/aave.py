"""Supplies, debts and liquidations on Aave V3.

A supply counts as collateral unless ``set_collateral`` (parameter ``enabled``: true or false) switched it off; it is on
again after all of it was withdrawn.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from tightloop.venues.sim.books import ZERO, Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols import aave_math
from tightloop.venues.sim.protocols.fixed_point import BPS
from tightloop.venues.sim.protocols.lending import DEBT, SUPPLIED
from tightloop.venues.sim.protocols.liquidation import Liquidation
from tightloop.venues.sim.protocols.steps import HELD, Acting, Operation, Step, asked_units, check_amount, check_token
from tightloop.venues.sim.protocols.tokens import Tokens

_NO_RISK = aave_math.Risk(0, 0, BPS)  # of what is no collateral here


class Aave:
    def __init__(self, settings: ChainSettings, tokens: Tokens) -> None:
        self._reserves = {one.token: one for one in settings.aave}
        self._risks = {one.token: aave_math.Risk(one.loan_to_value, one.threshold, one.bonus) for one in settings.aave}
        self._tokens = tokens
        self.operations: dict[str, Operation] = {
            "supply": self._supply,
            "withdraw": self._withdraw,
            "borrow": self._borrow,
            "repay": self._repay,
            "set_collateral": self._set_collateral,
        }
        self.parameters = frozenset({"enabled"})

    def check(self, action: ChainAction) -> None:
        gets = action.operation in ("withdraw", "borrow")
        place = "token_out" if gets else "token_in"
        token = check_token(self._tokens, place, _token(action))
        if token not in self._reserves:
            raise VenueError("invalid_order", f"{place}: Aave has no reserve of {token} here")
        if action.operation == "set_collateral":
            if action.parameters.get("enabled") not in ("true", "false"):
                raise VenueError("invalid_order", "parameter `enabled`: true or false must be given")
            return
        check_amount(action)
        if action.amount_rule == "all" and action.operation == "borrow":
            raise VenueError("invalid_order", "there is no `all` to borrow")

    # --- operations ---------------------------------------------------------------------------------------------------

    def _supply(self, acting: Acting) -> Step:
        draft, token = acting.draft, _token(acting.action)
        key, units = SUPPLIED + token, asked_units(acting, self._tokens, token, HELD + token)
        amount = self._tokens.amount(token, units)
        added = draft.books.lending.shares(key, units, draft.at, up=False)
        if not added:
            raise Reverted("invalid_order", f"{amount} {token} is too little to supply")
        draft.accrue(key)
        draft.move(HELD + token, -amount, "trade")
        draft.set_shares(key, draft.shares(key) + added)
        return Step("supply", token, amount, amount)

    def _withdraw(self, acting: Acting) -> Step:
        draft, token = acting.draft, _token(acting.action)
        key = SUPPLIED + token
        held = draft.units(key)
        units = asked_units(acting, self._tokens, token, None, everything=held)
        if units > held:
            have = self._tokens.amount(token, held)
            raise Reverted(
                "insufficient_balance", f"{key}: {self._tokens.amount(token, units)} is needed, {have} is there"
            )
        self._take(draft, key, units)
        amount = self._tokens.amount(token, units)
        draft.move(HELD + token, amount, "trade")
        self._check_sound(draft, acting.at)
        return Step("withdraw", token, amount, amount)

    def _take(self, draft: Draft, key: str, units: int) -> None:
        """Reduce a supply, in the protocol's favour."""
        draft.accrue(key)
        held = draft.shares(key)
        burned = held if units == draft.units(key) else draft.books.lending.shares(key, units, draft.at, up=True)
        draft.set_shares(key, max(held - burned, 0))
        if not draft.shares(key):
            draft.not_collateral -= {key.removeprefix(SUPPLIED)}

    def _borrow(self, acting: Acting) -> Step:
        draft, token = acting.draft, _token(acting.action)
        key, units = DEBT + token, asked_units(acting, self._tokens, token, None)
        amount = self._tokens.amount(token, units)
        draft.accrue(key)
        draft.set_shares(key, draft.shares(key) + draft.books.lending.shares(key, units, draft.at, up=True))
        draft.move(HELD + token, amount, "trade")
        health = self.health(draft, acting.at)
        if not aave_math.covers(health):
            self._refuse(health, "what may be borrowed on it")
        if draft.balance(key) > self._reserves[token].borrowable:
            most = self._reserves[token].borrowable
            raise Reverted("insufficient_balance", f"the reserve has no more than {most} {token} to lend")
        return Step("borrow", token, amount, amount)

    def _repay(self, acting: Acting) -> Step:
        draft, token = acting.draft, _token(acting.action)
        key = DEBT + token
        owed = draft.units(key)
        if not owed:
            raise Reverted("invalid_order", f"nothing of {token} is owed")
        at_hand = min(owed, self._tokens.units(token, draft.balance(HELD + token)))
        units = min(owed, asked_units(acting, self._tokens, token, None, everything=at_hand))
        amount = self._tokens.amount(token, units)
        draft.move(HELD + token, -amount, "trade")
        self._pay_back(draft, key, units)
        return Step("repay", token, amount, amount)

    @staticmethod
    def _pay_back(draft: Draft, key: str, units: int) -> None:
        """Reduce a debt, in the protocol's favour."""
        draft.accrue(key)
        held = draft.shares(key)
        burned = held if units == draft.units(key) else draft.books.lending.shares(key, units, draft.at, up=False)
        draft.set_shares(key, held - burned)

    def _set_collateral(self, acting: Acting) -> Step:
        draft, token = acting.draft, _token(acting.action)
        if not draft.shares(SUPPLIED + token):
            raise Reverted("insufficient_balance", f"nothing of {token} is supplied")
        if acting.action.parameters["enabled"] == "true":
            draft.not_collateral -= {token}
        else:
            draft.not_collateral |= {token}
            self._check_sound(draft, acting.at)
        return Step("set_collateral", token, ZERO, ZERO if acting.before is None else acting.before.output)

    # --- health -------------------------------------------------------------------------------------------------------

    def positions(self, draft: Draft, at: datetime) -> list[aave_math.Position]:
        """What the wallet has in each reserve, at the market's prices. Raises Reverted when there is no price."""
        tokens = dict.fromkeys(key.split(":", 2)[2] for key in draft.shared() if key.startswith("aave:"))
        return [
            aave_math.Position(
                token=token,
                supplied=draft.units(SUPPLIED + token),
                owed=draft.units(DEBT + token),
                price=self._tokens.price(token, at, aave_math.BASE_PLACES),
                unit=10 ** self._tokens.decimals[token],
                risk=self._risks.get(token, _NO_RISK),
                is_collateral=token not in draft.not_collateral,
            )
            for token in tokens
        ]

    def health(self, draft: Draft, at: datetime) -> aave_math.Health:
        return aave_math.health_of(self.positions(draft, at))

    def _check_sound(self, draft: Draft, at: datetime) -> None:
        if any(key.startswith(DEBT) for key in draft.shared()):
            health = self.health(draft, at)
            if not health.is_sound:
                self._refuse(health, "what it must cover")

    @staticmethod
    def _refuse(health: aave_math.Health, limit: str) -> NoReturn:
        debt, collateral = (Decimal(one).scaleb(-aave_math.BASE_PLACES) for one in (health.debt, health.collateral))
        raise Reverted("insufficient_margin", f"debts of {debt} on {collateral} of collateral (in USDT): over {limit}")

    # --- liquidation --------------------------------------------------------------------------------------------------

    def liquidate(self, draft: Draft, at: datetime, forced: str | None = None) -> Liquidation | None:
        """What one liquidator does to an account whose health factor is below one: it repays as much of the greatest
        debt as it may, and takes the greatest collateral. ``forced``: of this debt, however sound the account is.
        None: it has nothing to do.
        """
        positions = self.positions(draft, at)
        health = aave_math.health_of(positions)
        debts = [one for one in positions if one.owed and forced in (None, one.token)]
        if not debts or (health.is_sound and forced is None):
            return None
        debt = max(debts, key=lambda one: one.debt_value)
        collateral = max(positions, key=lambda one: one.collateral_value)
        repaid = seized = 0
        if collateral.collateral_value:
            most = aave_math.most_repaid(health, debt, collateral)
            repaid, seized = aave_math.liquidated(most, debt, collateral)
            self._take(draft, SUPPLIED + collateral.token, seized)
            self._pay_back(draft, DEBT + debt.token, repaid)
        if not self.health(draft, at).collateral:
            self._write_off(draft)
        elif not seized:
            return None
        return Liquidation(
            symbol=f"{collateral.token}/{debt.token}",
            seized=self._tokens.amount(collateral.token, seized),
            repaid=self._tokens.amount(debt.token, repaid),
        )

    @staticmethod
    def _write_off(draft: Draft) -> None:
        """Debts without any collateral are the protocol's deficit."""
        for key in draft.shared():
            if key.startswith(DEBT):
                draft.accrue(key)
                draft.set_shares(key, 0)


def _token(action: ChainAction) -> str:
    """What is supplied and repaid is given as ``token_in``, what is withdrawn and borrowed as ``token_out``."""
    if action.operation in ("withdraw", "borrow"):
        return action.token_out or action.token_in or ""
    return action.token_in or ""
