"""Swaps on Curve's StableSwap pools, and liquidity for LP tokens.

A pool is balanced when a transaction first touches it: its coins are worth the same, and arbitrage ends there. What the
wallets' trades and imbalances pay in fees stays in it, half of it for the protocol.

Parameters: ``pool``, by name, where more than one has the tokens; ``other_amounts`` of ``add_liquidity``: further coins
than ``token_in``, as ``USDC=100,DAI=5``. ``remove_liquidity`` with ``token_out`` takes that one coin, otherwise all in
proportion; its amount, and the least that ``add_liquidity`` must mint, count LP tokens.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from msgspec.structs import replace

from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings, CurvePool
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols import pools, stableswap
from tightloop.venues.sim.protocols.fixed_point import BPS
from tightloop.venues.sim.protocols.steps import HELD, Acting, Operation, Step, asked_units, check_amount, check_token
from tightloop.venues.sim.protocols.tokens import Tokens

LP_TOKEN = "curve:LPToken:"
LP_PLACES = 18
Pool = stableswap.Pool


class Curve:
    def __init__(self, settings: ChainSettings, tokens: Tokens) -> None:
        self._pools = {one.name: one for one in settings.curve}
        self._tokens = tokens
        self.operations: dict[str, Operation] = {
            "swap": self._swap,
            "add_liquidity": self._add,
            "remove_liquidity": self._remove,
        }
        self.parameters = frozenset({"pool", "other_amounts"})

    # --- what is asked ------------------------------------------------------------------------------------------------

    def check(self, action: ChainAction) -> None:
        adds, removes = action.operation == "add_liquidity", action.operation == "remove_liquidity"
        if not removes:
            check_token(self._tokens, "token_in", action.token_in)
        if not adds and not (removes and action.token_out is None):
            check_token(self._tokens, "token_out", action.token_out)
        check_amount(action)
        pool = self._settings_of(action)
        if adds:
            self._others(action, pool)
        elif action.token_out is None and (action.min_amount_out, action.max_slippage_bps) != (None, None):
            raise VenueError("invalid_order", "limits are for one coin: give token_out")
        elif action.operation == "swap" and action.token_in == action.token_out:
            raise VenueError("invalid_order", f"{action.token_in} is given for itself")

    def _settings_of(self, action: ChainAction) -> CurvePool:
        """The pool that is named, or the only one with the tokens. Raises VenueError."""
        name = action.parameters.get("pool")
        meant = {action.token_in, action.token_out} - {None}
        found = [one for one in self._pools.values() if meant <= {*one.coins} and name in (None, one.name)]
        if len(found) != 1:
            what = f"{name or 'pool'} with {' and '.join(sorted(token or '' for token in meant)) or 'any coin'}"
            problem = "no pool" if not found else "more than one pool is a"
            raise VenueError("invalid_order", f"{problem} {what}; parameter `pool`: one of {', '.join(self._pools)}")
        return found[0]

    def _others(self, action: ChainAction, pool: CurvePool) -> dict[str, Decimal]:
        """What is added besides ``token_in``. Raises VenueError."""
        others: dict[str, Decimal] = {}
        for part in filter(None, action.parameters.get("other_amounts", "").split(",")):
            coin, _, text = part.partition("=")
            try:
                amount = Decimal(text)
            except InvalidOperation:
                amount = ZERO
            if coin not in pool.coins or coin == action.token_in or coin in others or not 0 < amount < Decimal("1e40"):
                raise VenueError("invalid_order", f"parameter `other_amounts`: {part} is no further coin and amount")
            others[coin] = amount
        return others

    # --- operations ---------------------------------------------------------------------------------------------------

    def _swap(self, acting: Acting) -> Step:
        action, draft = acting.action, acting.draft
        sold, bought = action.token_in or "", action.token_out or ""
        pool, books = self._touched(acting)
        given, taken = pool.coins.index(sold), pool.coins.index(bought)
        amount = asked_units(acting, self._tokens, sold, HELD + sold)
        changed = stableswap.exchange(books.state, given, taken, amount)
        told = amount * books.state.scales[given] * (stableswap.FEE_UNIT - books.state.fee)
        told //= stableswap.FEE_UNIT * books.state.scales[taken]  # at par, with the fee, without any impact
        got, changed = _worsened(changed, taken, acting.worse_bps)
        self._check_least(action, bought, got, told)
        self._keep(draft, pool, books, changed)
        cost, output = self._tokens.amount(sold, amount), self._tokens.amount(bought, got)
        draft.move(HELD + sold, -cost, "trade")
        draft.move(HELD + bought, output, "trade")
        return Step("swap", f"{sold}/{bought}", cost, output, cost=output)

    def _add(self, acting: Acting) -> Step:
        action, draft = acting.action, acting.draft
        coin = action.token_in or ""
        pool, books = self._touched(acting)
        amounts = {coin: asked_units(acting, self._tokens, coin, HELD + coin)}
        for other, asked in self._others(action, pool).items():
            amounts[other] = self._tokens.units(other, asked)
        changed = stableswap.add_liquidity(books.state, tuple(amounts.get(one, 0) for one in pool.coins))
        minted, least = Decimal(changed.minted).scaleb(-LP_PLACES), self._least_minted(action, pool, books, amounts)
        if minted < least:
            raise Reverted("slippage_limit", f"{minted} LP tokens would be minted, {least} is the least")
        self._keep(draft, pool, books, changed)
        for one, units in amounts.items():
            draft.move(HELD + one, -self._tokens.amount(one, units), "trade")
        draft.move(LP_TOKEN + pool.name, minted, "trade")
        return Step("add_liquidity", pool.name, self._tokens.amount(coin, amounts[coin]), minted, cost=minted)

    @staticmethod
    def _least_minted(
        action: ChainAction, pool: CurvePool, books: pools.PoolBooks[Pool], amounts: dict[str, int]
    ) -> Decimal:
        least = max(action.min_amount_out or ZERO, Decimal(1).scaleb(-LP_PLACES))
        if action.max_slippage_bps is None:
            return least
        added = sum(amounts.get(coin, 0) * scale for coin, scale in zip(pool.coins, books.state.scales, strict=True))
        told = added * stableswap.PRECISION // stableswap.virtual_price(books.state)  # at par, without a fee
        return max(least, Decimal(int(told * (BPS - action.max_slippage_bps) / BPS)).scaleb(-LP_PLACES))

    def _remove(self, acting: Acting) -> Step:
        action, draft = acting.action, acting.draft
        pool, books = self._touched(acting)
        burned, units = self._burned(acting, pool)
        if action.token_out is None:
            changed, output = stableswap.remove_liquidity(books.state, units), ZERO
        else:
            place = pool.coins.index(action.token_out)
            changed = stableswap.remove_one_coin(books.state, units, place)
            got, changed = _worsened(changed, place, acting.worse_bps)
            told = books.state.scales[place] * stableswap.PRECISION
            told = units * stableswap.virtual_price(books.state) // told  # at par, without fee or impact
            self._check_least(action, action.token_out, got, told)
            output = self._tokens.amount(action.token_out, got)
        self._keep(draft, pool, books, changed)
        draft.move(LP_TOKEN + pool.name, -burned, "trade")
        for coin, got in zip(pool.coins, changed.amounts, strict=True):
            if got:
                draft.move(HELD + coin, self._tokens.amount(coin, got), "trade")
        return Step("remove_liquidity", pool.name, burned, output, cost=output or None)

    def _burned(self, acting: Acting, pool: CurvePool) -> tuple[Decimal, int]:
        """LP tokens to give back: as an amount, and in units. Raises Reverted when there are not so many."""
        action, held = acting.action, acting.draft.balance(LP_TOKEN + pool.name)
        if action.amount_rule == "all":
            asked = held
        elif action.amount_rule == "previous_output":
            asked = ZERO if acting.before is None else acting.before.output
        else:
            asked = action.amount or ZERO
        if not 0 < asked <= held:
            raise Reverted("insufficient_balance", f"{asked} of {LP_TOKEN}{pool.name} is needed, {held} is there")
        units = int(asked.scaleb(LP_PLACES))
        return Decimal(units).scaleb(-LP_PLACES), units

    def _check_least(self, action: ChainAction, token: str, got: int, told: int) -> None:
        least = 1 if action.min_amount_out is None else self._tokens.units(token, action.min_amount_out)
        if action.max_slippage_bps is not None:
            least = max(least, int(told * (BPS - action.max_slippage_bps) / BPS))
        if got < max(least, 1):
            shown = self._tokens.amount(token, got), self._tokens.amount(token, max(least, 1))
            raise Reverted("slippage_limit", f"{shown[0]} {token} would come out, {shown[1]} is the least")

    # --- pools --------------------------------------------------------------------------------------------------------

    def _touched(self, acting: Acting) -> tuple[CurvePool, pools.PoolBooks[Pool]]:
        pool = self._settings_of(acting.action)
        name = _name(pool)
        found = acting.draft.pool(name)
        if found is not None:
            return pool, found
        worth = {self._tokens.worth(coin, acting.at) for coin in pool.coins}
        if len(worth) > 1:
            raise Reverted("no_price", f"the coins of {pool.name} are not worth the same")
        left = acting.draft.books.pools.get(name)
        if left is None:
            return pool, pools.opened(pool.coins, self._filled(pool))
        return pool, left.followed(stableswap.balanced(left.state))

    def _filled(self, pool: CurvePool) -> Pool:
        """As others open it: as much of every coin."""
        each = rounding.DOWN.divide(pool.value, Decimal(len(pool.coins)))
        empty = Pool(
            amplification=pool.amplification,
            fee=pool.fee,
            admin_fee=pool.admin_fee,
            scales=tuple(10 ** (LP_PLACES - self._tokens.decimals[coin]) for coin in pool.coins),
            balances=(0,) * len(pool.coins),
            supply=0,
        )
        return stableswap.add_liquidity(empty, tuple(self._tokens.units(coin, each) for coin in pool.coins)).pool

    @staticmethod
    def _keep(draft: Draft, pool: CurvePool, books: pools.PoolBooks[Pool], changed: stableswap.Changed) -> None:
        """What the protocol takes of the fees leaves the pool."""
        provided = tuple(given - taken for given, taken in zip(books.provided, changed.admin, strict=True))
        draft.set_pool(_name(pool), replace(books, state=changed.pool, provided=provided))


def _name(pool: CurvePool) -> str:
    return f"curve:{pool.name}"


def _worsened(changed: stableswap.Changed, place: int, bps: Decimal) -> tuple[int, stableswap.Changed]:
    """What comes out after an injected slippage: the pool keeps that."""
    got = changed.amounts[place]
    kept = int(got * bps / BPS) if bps else 0
    if not kept:
        return got, changed
    balances = list(changed.pool.balances)
    balances[place] += kept
    amounts = tuple(got - kept if index == place else amount for index, amount in enumerate(changed.amounts))
    return got - kept, changed._replace(pool=replace(changed.pool, balances=tuple(balances)), amounts=amounts)
