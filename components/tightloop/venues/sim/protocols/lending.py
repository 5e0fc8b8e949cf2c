"""What wallets have in lending markets: shares, and what they come to at a time.

How a market grows follows from its rates, and these from the market's data: what the wallets here do does not move
them. So the books of Aave and Morpho are the wallets' shares and the time, and nothing has to be undone but these.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tightloop.venues.sim.books import Reverted
from tightloop.venues.sim.chain_settings import ChainSettings, MorphoMarket
from tightloop.venues.sim.market import Market, Series
from tightloop.venues.sim.protocols import aave_math, morpho_math
from tightloop.venues.sim.protocols.fixed_point import RAY, ratio_down, ratio_up
from tightloop.venues.sim.protocols.growth import Grown, Steps
from tightloop.venues.sim.protocols.tokens import Tokens

SUPPLIED = "aave:aToken:"
DEBT = "aave:debtToken:"
MORPHO_SUPPLIED = "morpho:Supply:"
MORPHO_DEBT = "morpho:Borrow:"
MORPHO_COLLATERAL = "morpho:Collateral:"
_SHARED = (SUPPLIED, DEBT, MORPHO_SUPPLIED, MORPHO_DEBT)
_DEBTS = (DEBT, MORPHO_DEBT)

Indices = tuple[int, int]  # of what is supplied and of what is owed, in rays


def is_shared(key: str) -> bool:
    """Is this position a number of shares?"""
    return key.startswith(_SHARED)


def is_debt(key: str) -> bool:
    return key.startswith(_DEBTS)


class Lending:
    """The lending markets of one chain. Raises Reverted for those that there are none of."""

    def __init__(self, settings: ChainSettings, market: Market, steps: Steps, tokens: Tokens) -> None:
        self.steps = steps
        self._tokens = tokens
        self._market = market
        self._indices: dict[str, Grown[Indices]] = {}
        self.markets = {one.name: one for one in settings.morpho}
        self._totals = {one.name: self._market_of(one) for one in settings.morpho}

    # --- Aave ---------------------------------------------------------------------------------------------------------

    def indices(self, token: str, at: datetime) -> Indices:
        kept = self._indices.get(token)
        if kept is None:
            rates = self._rates(token)
            kept = self._indices[token] = Grown(self.steps, (RAY, RAY), lambda *grown: _grow_indices(rates, *grown))
        return kept.at(at)

    def _rates(self, token: str) -> Series[tuple[Decimal, Decimal]]:
        rates = self._market.rates(token)
        if rates is None:
            raise Reverted("invalid_order", f"{token} has no lending market")
        return rates

    # --- Morpho -------------------------------------------------------------------------------------------------------

    def _market_of(self, market: MorphoMarket) -> Grown[morpho_math.Totals]:
        supplied = self._tokens.units(market.loan, market.supplied)
        borrowed = self._tokens.units(market.loan, market.supplied * market.utilisation)
        virtual = morpho_math.VIRTUAL_SHARES
        first = morpho_math.Totals(supplied, supplied * virtual, borrowed, borrowed * virtual)

        def grow(totals: morpho_math.Totals, since: datetime, seconds: int) -> morpho_math.Totals:
            _, borrow = self._rates(market.loan).at(since)
            return morpho_math.accrued(totals, int(borrow.scaleb(18)), seconds)

        return Grown(self.steps, first, grow)

    def totals(self, market: str, at: datetime) -> morpho_math.Totals:
        return self._totals[market].at(at)

    # --- positions ----------------------------------------------------------------------------------------------------

    def token_of(self, key: str) -> str:
        """What a position is counted in."""
        symbol = key.split(":", 2)[2]
        if not key.startswith("morpho:"):
            return symbol
        market = self.markets.get(symbol)
        if market is None:
            raise Reverted("invalid_order", f"there is no Morpho market {symbol}")
        return market.collateral if key.startswith(MORPHO_COLLATERAL) else market.loan

    def units(self, key: str, shares: int, at: datetime) -> int:
        """What shares come to: a supply rounded down, a debt up."""
        symbol = key.split(":", 2)[2]
        if key.startswith(SUPPLIED):
            return ratio_down(shares, self.indices(symbol, at)[0], RAY)
        if key.startswith(DEBT):
            return ratio_up(shares, self.indices(symbol, at)[1], RAY)
        totals = self.totals(symbol, at)
        if key.startswith(MORPHO_SUPPLIED):
            return morpho_math.assets_down(shares, totals.supply_assets, totals.supply_shares)
        return morpho_math.assets_up(shares, totals.borrow_assets, totals.borrow_shares)

    def shares(self, key: str, units: int, at: datetime, *, up: bool) -> int:
        """How many shares so many units are."""
        symbol = key.split(":", 2)[2]
        rounded = ratio_up if up else ratio_down
        if key.startswith((SUPPLIED, DEBT)):
            return rounded(units, RAY, self.indices(symbol, at)[key.startswith(DEBT)])
        totals = self.totals(symbol, at)
        exchanged = morpho_math.shares_up if up else morpho_math.shares_down
        if key.startswith(MORPHO_SUPPLIED):
            return exchanged(units, totals.supply_assets, totals.supply_shares)
        return exchanged(units, totals.borrow_assets, totals.borrow_shares)

    def worth(self, key: str, shares: int, at: datetime) -> Decimal:
        return self._tokens.amount(self.token_of(key), self.units(key, shares, at))

    def shares_of(self, key: str, amount: Decimal, at: datetime) -> int:
        """The shares that give a balance: of a supply as few as reach it, of a debt as many as do not exceed it."""
        self.token_of(key)
        return self.shares(key, self._tokens.units(self.token_of(key), amount), at, up=not is_debt(key))


def _grow_indices(rates: Series[tuple[Decimal, Decimal]], indices: Indices, since: datetime, seconds: int) -> Indices:
    """As Aave at an update of a reserve: supplies grow linearly until the next one, debts by compound interest."""
    supply, borrow = rates.at(since)
    return (
        aave_math.grown(indices[0], aave_math.linear_growth(int(supply.scaleb(27)), seconds)),
        aave_math.grown(indices[1], aave_math.compounded_growth(int(borrow.scaleb(27)), seconds)),
    )
