"""Supplies, collateral, debts and liquidations on Morpho Blue. Parameter ``market``: its name, as ``WBTC/USDC``."""

from __future__ import annotations

from datetime import datetime

from tightloop.venues.sim.books import Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings, MorphoMarket
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols import morpho_math
from tightloop.venues.sim.protocols.fixed_point import ratio_down
from tightloop.venues.sim.protocols.lending import MORPHO_COLLATERAL, MORPHO_DEBT, MORPHO_SUPPLIED
from tightloop.venues.sim.protocols.liquidation import Liquidation
from tightloop.venues.sim.protocols.steps import HELD, Acting, Operation, Step, asked_units, check_amount
from tightloop.venues.sim.protocols.tokens import Tokens

_PLACES = 18  # of the prices that the oracle's is made of


class Morpho:
    def __init__(self, settings: ChainSettings, tokens: Tokens) -> None:
        self._markets = {one.name: one for one in settings.morpho}
        self._tokens = tokens
        self.operations: dict[str, Operation] = {
            "supply": self._supply,
            "withdraw": self._withdraw,
            "supply_collateral": self._supply_collateral,
            "withdraw_collateral": self._withdraw_collateral,
            "borrow": self._borrow,
            "repay": self._repay,
        }
        self.parameters = frozenset({"market"})

    def check(self, action: ChainAction) -> None:
        market = self._market(action)
        token = market.collateral if "collateral" in action.operation else market.loan
        gets = action.operation in ("withdraw", "withdraw_collateral", "borrow")
        place, given = ("token_out", action.token_out or action.token_in) if gets else ("token_in", action.token_in)
        if given != token:
            raise VenueError("invalid_order", f"{place}: {action.operation} in {market.name} is of {token}")
        check_amount(action)
        if action.amount_rule == "all" and action.operation == "borrow":
            raise VenueError("invalid_order", "there is no `all` to borrow")

    def _market(self, action: ChainAction) -> MorphoMarket:
        name = action.parameters.get("market", "")
        market = self._markets.get(name)
        if market is None:
            known = ", ".join(self._markets)
            raise VenueError("invalid_order", f"parameter `market`: one of {known} must be named, not {name!r}")
        return market

    # --- operations ---------------------------------------------------------------------------------------------------

    def _supply(self, acting: Acting) -> Step:
        draft, market = acting.draft, self._market(acting.action)
        key, token = MORPHO_SUPPLIED + market.name, market.loan
        units = asked_units(acting, self._tokens, token, HELD + token)
        amount = self._tokens.amount(token, units)
        draft.accrue(key)
        draft.move(HELD + token, -amount, "trade")
        draft.set_shares(key, draft.shares(key) + draft.books.lending.shares(key, units, draft.at, up=False))
        return Step("supply", market.name, amount, amount)

    def _withdraw(self, acting: Acting) -> Step:
        draft, market = acting.draft, self._market(acting.action)
        key, token = MORPHO_SUPPLIED + market.name, market.loan
        held = draft.units(key)
        units = asked_units(acting, self._tokens, token, None, everything=held)
        shares = draft.shares(key)
        burned = shares
        if acting.action.amount_rule != "all":
            burned = draft.books.lending.shares(key, units, draft.at, up=True)
        if burned > shares:
            have = self._tokens.amount(token, held)
            raise Reverted(
                "insufficient_balance", f"{key}: {self._tokens.amount(token, units)} is needed, {have} is there"
            )
        amount = self._tokens.amount(token, units)
        draft.accrue(key)
        draft.set_shares(key, shares - burned)
        draft.move(HELD + token, amount, "trade")
        self._check_liquidity(draft, market)
        return Step("withdraw", market.name, amount, amount)

    def _supply_collateral(self, acting: Acting) -> Step:
        draft, market = acting.draft, self._market(acting.action)
        token = market.collateral
        amount = self._tokens.amount(token, asked_units(acting, self._tokens, token, HELD + token))
        draft.move(HELD + token, -amount, "trade")
        draft.move(MORPHO_COLLATERAL + market.name, amount, "trade")
        return Step("supply_collateral", market.name, amount, amount)

    def _withdraw_collateral(self, acting: Acting) -> Step:
        draft, market = acting.draft, self._market(acting.action)
        key, token = MORPHO_COLLATERAL + market.name, market.collateral
        amount = self._tokens.amount(token, asked_units(acting, self._tokens, token, key))
        draft.move(key, -amount, "trade")
        draft.move(HELD + token, amount, "trade")
        self._check_health(draft, market, acting.at)
        return Step("withdraw_collateral", market.name, amount, amount)

    def _borrow(self, acting: Acting) -> Step:
        draft, market = acting.draft, self._market(acting.action)
        key, token = MORPHO_DEBT + market.name, market.loan
        units = asked_units(acting, self._tokens, token, None)
        amount = self._tokens.amount(token, units)
        draft.accrue(key)
        draft.set_shares(key, draft.shares(key) + draft.books.lending.shares(key, units, draft.at, up=True))
        draft.move(HELD + token, amount, "trade")
        self._check_health(draft, market, acting.at)
        self._check_liquidity(draft, market)
        return Step("borrow", market.name, amount, amount)

    def _repay(self, acting: Acting) -> Step:
        """All of it by its shares, so that nothing is left; more than is owed can't be repaid."""
        draft, market = acting.draft, self._market(acting.action)
        key, token = MORPHO_DEBT + market.name, market.loan
        owed = draft.units(key)
        if not owed:
            raise Reverted("invalid_order", f"nothing of {market.name} is owed")
        at_hand = min(owed, self._tokens.units(token, draft.balance(HELD + token)))
        units = min(owed, asked_units(acting, self._tokens, token, None, everything=at_hand))
        amount = self._tokens.amount(token, units)
        draft.move(HELD + token, -amount, "trade")
        self._pay_back(draft, key, units)
        return Step("repay", market.name, amount, amount)

    @staticmethod
    def _pay_back(draft: Draft, key: str, units: int) -> None:
        draft.accrue(key)
        held = draft.shares(key)
        burned = held if units == draft.units(key) else draft.books.lending.shares(key, units, draft.at, up=False)
        draft.set_shares(key, held - burned)

    # --- health -------------------------------------------------------------------------------------------------------

    def _price(self, market: MorphoMarket, at: datetime) -> int:
        """The oracle's: smallest units of the loan token per one of the collateral's, times 10^36."""
        tokens = self._tokens
        collateral, loan = tokens.price(market.collateral, at, _PLACES), tokens.price(market.loan, at, _PLACES)
        scale: int = morpho_math.PRICE_SCALE * 10 ** tokens.decimals[market.loan]
        return ratio_down(collateral, scale, loan * 10 ** tokens.decimals[market.collateral])

    def _most(self, draft: Draft, market: MorphoMarket, at: datetime) -> int:
        collateral = self._tokens.units(market.collateral, draft.balance(MORPHO_COLLATERAL + market.name))
        return morpho_math.most_borrowed(collateral, self._price(market, at), int(market.lltv.scaleb(18)))

    def _check_health(self, draft: Draft, market: MorphoMarket, at: datetime) -> None:
        owed = draft.units(MORPHO_DEBT + market.name)
        if owed and owed > (most := self._most(draft, market, at)):
            shown = self._tokens.amount(market.loan, owed), self._tokens.amount(market.loan, most)
            raise Reverted("insufficient_margin", f"{market.name}: {shown[0]} is owed, {shown[1]} is the most")

    def _check_liquidity(self, draft: Draft, market: MorphoMarket) -> None:
        """What others have not borrowed is there, and what the wallet itself supplied."""
        totals = draft.books.lending.totals(market.name, draft.at)
        there = totals.supply_assets - totals.borrow_assets + draft.units(MORPHO_SUPPLIED + market.name)
        if draft.units(MORPHO_DEBT + market.name) > there:
            have = self._tokens.amount(market.loan, there)
            raise Reverted("insufficient_balance", f"{market.name}: there is no more than {have} to lend")

    # --- liquidation --------------------------------------------------------------------------------------------------

    def liquidate(self, draft: Draft, market_name: str, at: datetime, *, forced: bool) -> Liquidation | None:
        """What a liquidator does to a debt over its limit, or (``forced``) to any: it repays all of it, or as much as
        the collateral pays for; what is left without collateral is written off. None: there is nothing to do.
        """
        market = self._markets[market_name]
        debt, collateral_key = MORPHO_DEBT + market_name, MORPHO_COLLATERAL + market_name
        if not draft.shares(debt):
            return None
        if not forced and draft.units(debt) <= self._most(draft, market, at):
            return None
        held = self._tokens.units(market.collateral, draft.balance(collateral_key))
        done = morpho_math.liquidated(
            draft.shares(debt),
            held,
            self._price(market, at),
            int(market.lltv.scaleb(18)),
            draft.books.lending.totals(market_name, draft.at),
        )
        draft.accrue(debt)
        left = 0 if done.seized == held else draft.shares(debt) - done.shares
        draft.set_shares(debt, left)
        seized = self._tokens.amount(market.collateral, done.seized)
        draft.move(collateral_key, -seized, "trade")
        return Liquidation(market_name, seized, self._tokens.amount(market.loan, done.repaid))
