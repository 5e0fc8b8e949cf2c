"""Swaps on Uniswap V3, over one pool or several.

A pool is as the market has it when a transaction first touches it: at the market's price, with its providers' ranges
around that. Within the transaction it keeps what the transaction did to it.

Parameters: ``fee``, the tier of the pool (100, 500, 3000, 10000: hundredths of a basis point); ``path`` instead, for
several pools: tokens with the tiers between them, as ``USDC/500/WETH/3000/WBTC``; ``exact``: ``input`` (as by default)
or ``output``, when the amount is what is to come out; ``max_amount_in``: then the most that it may cost.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from msgspec.structs import replace

from tightloop.venues.sim.books import ZERO, Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings, UniswapRange
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols import concentrated, pools
from tightloop.venues.sim.protocols.concentrated import SPACING, Pool
from tightloop.venues.sim.protocols.fixed_point import BPS
from tightloop.venues.sim.protocols.steps import HELD, Acting, Operation, Step, asked_units, check_amount, check_token
from tightloop.venues.sim.protocols.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from tightloop.venues.sim.protocols.tokens import Tokens

WRAPPED = "WETH"  # what pools hold for the native asset
_PLACES = 18  # of the prices that a pool's price is made of
_MOST_HOPS = 8


class Hop(NamedTuple):
    """One pool on the way: a token is paid, another is got."""

    sold: str
    fee: int
    bought: str
    tokens: tuple[str, str]
    sells0: bool
    pool: str


def _hop(sold: str, fee: int, bought: str) -> Hop:
    sells0 = sold < bought
    one, other = tokens = (sold, bought) if sells0 else (bought, sold)
    return Hop(sold, fee, bought, tokens, sells0, f"uniswap:{one}/{other}/{fee}")


class Uniswap:
    def __init__(self, settings: ChainSettings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._way = lru_cache(maxsize=256)(self._parsed)
        self.operations: dict[str, Operation] = {"swap": self._swap}
        self.parameters = frozenset({"fee", "path", "exact", "max_amount_in"})

    # --- what is asked ------------------------------------------------------------------------------------------------

    def check(self, action: ChainAction) -> None:
        sold = check_token(self._tokens, "token_in", action.token_in)
        bought = check_token(self._tokens, "token_out", action.token_out)
        check_amount(action)
        hops = self.hops(action)
        if (hops[0].sold, hops[-1].bought) != (self._wrapped(sold), self._wrapped(bought)):
            raise VenueError("invalid_order", f"parameter `path`: it must go from {sold} to {bought}")
        exact = action.parameters.get("exact", "input")
        if exact not in ("input", "output"):
            raise VenueError("invalid_order", f"parameter `exact`: input or output, not {exact}")
        if exact == "output" and (action.amount_rule != "number" or action.min_amount_out is not None):
            raise VenueError("invalid_order", "parameter `exact`: an output is a number, and has no min_amount_out")
        if "max_amount_in" in action.parameters and _number(action, "max_amount_in") <= 0:
            raise VenueError("invalid_order", "parameter `max_amount_in`: must be above zero")

    def hops(self, action: ChainAction) -> list[Hop]:
        """Raises VenueError for a way that there is not."""
        path = action.parameters.get("path")
        if path is None:
            path = f"{action.token_in}/{action.parameters.get('fee', self._settings.uniswap.fee)}/{action.token_out}"
        return self._way(path)

    def _parsed(self, path: str) -> list[Hop]:
        parts = path.split("/")
        if len(parts) < 3 or len(parts) % 2 == 0 or len(parts) > 2 * _MOST_HOPS + 1:
            raise VenueError("invalid_order", f"parameter `path`: tokens with fee tiers between them, not {path}")
        for token in parts[::2]:
            check_token(self._tokens, "parameter `path`", token)
        hops = []
        for sold, fee, bought in zip(parts[::2], parts[1::2], parts[2::2], strict=False):
            if not fee.isdecimal() or int(fee) not in SPACING:
                tiers = ", ".join(str(tier) for tier in SPACING)
                raise VenueError("invalid_order", f"there is no fee tier {fee}; there are {tiers}")
            hop = _hop(self._wrapped(sold), int(fee), self._wrapped(bought))
            if hop.sold == hop.bought:
                raise VenueError("invalid_order", f"{sold} and {bought} are one token to a pool")
            hops.append(hop)
        return hops

    def _wrapped(self, token: str) -> str:
        return WRAPPED if token == self._settings.native else token

    # --- a swap -------------------------------------------------------------------------------------------------------

    def _swap(self, acting: Acting) -> Step:
        action = acting.action
        sold, bought = action.token_in or "", action.token_out or ""
        exact_in = action.parameters.get("exact", "input") == "input"
        hops = self.hops(action)
        if exact_in:
            paid = asked_units(acting, self._tokens, sold, HELD + sold)
            got = self._through(acting, hops, paid, exact_in=True)
        else:
            got = asked_units(acting, self._tokens, bought, None)
            paid = self._through(acting, hops, got, exact_in=False)
        cost, output = self._tokens.amount(sold, paid), self._tokens.amount(bought, got)
        acting.draft.move(HELD + sold, -cost, "trade")
        acting.draft.move(HELD + bought, output, "trade")
        return Step("swap", f"{sold}/{bought}", cost, output, cost=output)

    def _through(self, acting: Acting, hops: list[Hop], asked: int, *, exact_in: bool) -> int:
        """Over all pools, the last first when the output is exact: what comes out, or what it costs."""
        amount, told = asked, None if acting.action.max_slippage_bps is None else asked
        way = hops if exact_in else hops[::-1]
        for hop in way:
            pool = self._touched(acting.draft, hop, acting.at)
            if told is not None:
                told = concentrated.worth_at_price(pool.state, told, sells0=hop.sells0, exact_in=exact_in)
            swapped = concentrated.swap(pool.state, amount, sells0=hop.sells0, exact_in=exact_in)
            if (swapped.paid if exact_in else swapped.got) < amount:
                raise Reverted("slippage_limit", f"the pool {hop.pool} has not so much")
            amount = swapped.got if exact_in else swapped.paid
            after = swapped.pool
            if acting.worse_bps and hop is way[-1]:
                amount, after = _worsened(after, amount, hop, acting.worse_bps, exact_in=exact_in)
            acting.draft.set_pool(hop.pool, replace(pool, state=after))
        self._check_limits(acting.action, amount, told, exact_in=exact_in)
        return amount

    def _check_limits(self, action: ChainAction, amount: int, told: int | None, *, exact_in: bool) -> None:
        """``told``: what it would have been at the pools' prices, fees included, without moving them."""
        tokens, bps = self._tokens, action.max_slippage_bps or ZERO
        if exact_in:
            token = action.token_out or ""
            least = tokens.units(token, action.min_amount_out) if action.min_amount_out is not None else 0
            if told is not None:
                least = max(least, int(told * (BPS - bps) / BPS))
            if amount < max(least, 1):
                shown = tokens.amount(token, amount), tokens.amount(token, max(least, 1))
                raise Reverted("slippage_limit", f"{shown[0]} {token} would come out, {shown[1]} is the least")
            return
        token = action.token_in or ""
        limits = [tokens.units(token, _number(action, "max_amount_in"))] if "max_amount_in" in action.parameters else []
        if told is not None:
            limits.append(int(told * (BPS + bps) / BPS))
        if limits and amount > min(limits):
            shown = tokens.amount(token, amount), tokens.amount(token, min(limits))
            raise Reverted("slippage_limit", f"it would cost {shown[0]} {token}, {shown[1]} is the most")

    # --- pools --------------------------------------------------------------------------------------------------------

    def _touched(self, draft: Draft, hop: Hop, at: datetime) -> pools.PoolBooks[Pool]:
        pool = draft.pool(hop.pool)
        if pool is not None:
            return pool
        state = self._at_market(hop, at)
        left = draft.books.pools.get(hop.pool)
        return pools.opened(hop.tokens, state) if left is None else left.followed(state)

    def _at_market(self, hop: Hop, at: datetime) -> Pool:
        one, other = hop.tokens
        decimals = self._tokens.decimals
        return _at_prices(
            hop.fee,
            (self._tokens.price(one, at, _PLACES), 10 ** decimals[one]),
            (self._tokens.price(other, at, _PLACES), 10 ** decimals[other]),
            self._settings.uniswap.ranges,
        )


@lru_cache(maxsize=256)
def _at_prices(fee: int, token0: tuple[int, int], token1: tuple[int, int], ranges: tuple[UniswapRange, ...]) -> Pool:
    """A pool at a price. Of each token: what a whole one is worth, and its smallest units."""
    (price0, unit0), (price1, unit1) = token0, token1
    sqrt_price = isqrt((price0 * unit1 << 192) // (price1 * unit0))
    if not MIN_SQRT_PRICE * 2 < sqrt_price < MAX_SQRT_PRICE // 2:
        raise Reverted("no_price", "one token is worth too little of the other for a pool")
    return concentrated.opened(
        fee,
        sqrt_price,
        tuple(
            concentrated.range_around(
                fee, sqrt_price, one.half_width, int(one.value.scaleb(_PLACES)) * unit1 // (2 * price1)
            )
            for one in ranges
        ),
    )


def _worsened(pool: Pool, amount: int, hop: Hop, bps: Decimal, *, exact_in: bool) -> tuple[int, Pool]:
    """An injected slippage: the pool keeps it."""
    kept = int(amount * bps / BPS)
    place = 1 if hop.sells0 is exact_in else 0  # what goes out, or what comes in
    balances = list(pool.balances)
    balances[place] += kept
    return (amount - kept if exact_in else amount + kept), replace(pool, balances=(balances[0], balances[1]))


def _number(action: ChainAction, name: str) -> Decimal:
    text = action.parameters[name]
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise VenueError("invalid_order", f"parameter `{name}`: {text} is no number") from error
    if not number.is_finite():
        raise VenueError("invalid_order", f"parameter `{name}`: {text} is no number")
    return number
