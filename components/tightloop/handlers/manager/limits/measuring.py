"""One instruction in figures: what it is worth, the price it names, how it changes positions. Pure.

Figures are of what was asked, whole, by the market's prices before it: what a venue makes of it is for the executor.

=============  =========================================================================================================
notional       a trade: its base amount at the market's price, or at its own limit where that is higher; a quote amount
               as it is. A chain: the sum over its steps, without those that pass on what the step before put out. A
               transfer: what it moves
price          a trade: its limit, and the reference that it was decided on; a swap: the least that must come out
changes        by ``venue:type:symbol``: the two sides of a trade, what a step takes out of the wallet and puts into it,
               and the supplies and debts of Aave and Morpho. A transfer's two accounts are not measured
=============  =========================================================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import ROUND_UP, Context, Decimal, InvalidOperation
from typing import Literal

from msgspec import Struct

from tightloop.domain import money
from tightloop.domain.venues import balance_type
from tightloop.handlers.calls import Market
from tightloop.handlers.manager.limits.scopes import Limits
from tightloop.handlers.manager.limits.worth import Prices, Unmeasured, market_of
from tightloop.records.types import Action, CexTrade, Instruction

Held = Mapping[str, Decimal]
Change = tuple[str, Decimal]  # of a position, by `venue:type:symbol`
_GIVES = frozenset({"swap", "supply", "supply_collateral", "repay", "add_liquidity"})
# What a step does to a position beside the wallet: (protocol, operation) -> its key without the symbol, and the sign.
_BESIDE: dict[tuple[str, str], tuple[str, int]] = {
    ("aave", "supply"): ("aave:aToken:", 1),
    ("aave", "withdraw"): ("aave:aToken:", -1),
    ("aave", "borrow"): ("aave:debtToken:", 1),
    ("aave", "repay"): ("aave:debtToken:", -1),
    ("morpho", "supply"): ("morpho:Supply:", 1),
    ("morpho", "withdraw"): ("morpho:Supply:", -1),
    ("morpho", "supply_collateral"): ("morpho:Collateral:", 1),
    ("morpho", "withdraw_collateral"): ("morpho:Collateral:", -1),
    ("morpho", "borrow"): ("morpho:Borrow:", 1),
    ("morpho", "repay"): ("morpho:Borrow:", -1),
}
_ALL_OF = frozenset({"withdraw", "withdraw_collateral", "repay"})  # `all` means of that position, not of the wallet
_MOVES_NOTHING = frozenset({"set_collateral"})
_WALLET = "wallet:BaseToken:"
_UP = Context(prec=money.PRECISION, rounding=ROUND_UP, traps=[InvalidOperation])


class NamedPrice(Struct, frozen=True):
    """A price that an instruction names. ``worse``: which way it costs more than the market; ``both``: either way."""

    what: str
    price: Decimal
    worse: Literal["above", "below", "both"]


def asked_markets(instruction: Instruction, limits: Limits) -> tuple[Market, ...]:
    """The markets whose prices its figures need."""
    if (trade := instruction.cex_trade) is not None:
        own, quote = (instruction.venue, trade.symbol), market_of(limits, instruction.venue, _quote(trade))
        return (own,) if quote is None else (own, quote)
    if (transfer := instruction.wallet_transfer) is not None:
        wanted = [(instruction.venue, transfer.asset)]
    elif (payload := instruction.smart_contract_action) is not None:
        wanted = [(step.protocol, token) for step in payload.actions for token in _tokens(step)]
    else:
        wanted = []
    markets = (market_of(limits, venue, asset) for venue, asset in wanted)
    return tuple(dict.fromkeys(one for one in markets if one is not None))


def needs_held(instruction: Instruction) -> bool:
    """Is an amount of it `all` of what is held?"""
    payload = instruction.smart_contract_action
    return payload is not None and any(step.amount_rule == "all" for step in payload.actions)


def notional(instruction: Instruction, prices: Prices, held: Held) -> Decimal:
    """In the limits' currency, rounded up to the places that a record has. Raises Unmeasured."""
    return _UP.quantize(_notional(instruction, prices, held), money.UNIT)


def _notional(instruction: Instruction, prices: Prices, held: Held) -> Decimal:
    if (trade := instruction.cex_trade) is not None:
        if trade.quote_amount is not None:
            return prices.worth(instruction.venue, _quote(trade), trade.quote_amount)
        market = prices.price(instruction.venue, trade.symbol)
        cost = money.CONTEXT.multiply(trade.amount or money.ZERO, max(market, trade.price or market))
        return prices.worth(instruction.venue, _quote(trade), cost)
    if (transfer := instruction.wallet_transfer) is not None:
        return prices.worth(instruction.venue, transfer.asset, transfer.amount)
    payload = instruction.smart_contract_action
    steps = payload.actions if payload else ()
    own = [one for one in steps if one.amount_rule != "previous_output" and one.operation not in _MOVES_NOTHING]
    return money.total(prices.worth(step.protocol, *side) for step in own for side in _sides(step, held))


def named_prices(instruction: Instruction, prices: Prices, held: Held) -> list[tuple[NamedPrice, Decimal]]:
    """Every price that it names, and the market's. Raises Unmeasured."""
    if (trade := instruction.cex_trade) is not None:
        named = []
        if trade.price is not None:
            named.append(NamedPrice("cex_trade.price", trade.price, "above" if trade.side == "buy" else "below"))
        if trade.reference_price is not None:
            named.append(NamedPrice("cex_trade.reference_price", trade.reference_price, "both"))
        market = prices.price(instruction.venue, trade.symbol) if named else money.ZERO
        return [(one, market) for one in named]
    payload = instruction.smart_contract_action
    found = []
    for number, step in enumerate(payload.actions if payload else ()):
        if step.operation == "swap" and step.min_amount_out is not None and step.amount_rule != "previous_output":
            token, amount = _sides(step, held)[0]
            given = prices.worth(step.protocol, token, amount)
            one = prices.worth(step.protocol, step.token_out or "", Decimal(1))
            if amount and one:  # token_out per token_in: what it asks for, and the market
                asked, market = money.ratio(step.min_amount_out, amount), money.ratio(given, amount * one)
                what = f"smart_contract_action.actions[{number}].min_amount_out"
                found.append((NamedPrice(f"{what} per {token}", asked, "below"), market))
    return found


def changes(instruction: Instruction, prices: Prices, held: Held, unified: Collection[str] = ()) -> list[Change]:
    """In their order. ``unified``: the venue's assets with one balance (:class:`tightloop.domain.venues.VenueSpec`).

    Raises Unmeasured for what needs a price that there is not.
    """
    if (trade := instruction.cex_trade) is not None:
        return _of_trade(instruction.venue, trade, prices, held, unified)
    payload = instruction.smart_contract_action
    found: list[Change] = []
    before: Decimal | None = None
    for step in payload.actions if payload else ():
        made, before = _of_step(step, prices, held, before)
        found += made
    return found


# --- trades -----------------------------------------------------------------------------------------------------------


def _quote(trade: CexTrade) -> str:
    return trade.symbol.partition("/")[2].partition(":")[0]


def _of_trade(venue: str, trade: CexTrade, prices: Prices, held: Held, unified: Collection[str]) -> list[Change]:
    market = prices.price(venue, trade.symbol) if trade.quote_amount is not None or trade.market == "spot" else None
    amount = trade.amount
    if amount is None:
        amount = money.ratio(trade.quote_amount or money.ZERO, market or Decimal(1))
    sign = 1 if trade.side == "buy" else -1
    if market is None or trade.market == "perp":
        key = f"{venue}:Perp:{trade.symbol}"
        if trade.reduce_only:  # nothing of it is carried out beyond what is held, nor where it would add to that
            amount = min(amount, max(-sign * held.get(key, money.ZERO), money.ZERO))
        return [(key, sign * amount)]
    base, _, quote = trade.symbol.partition("/")
    cost = trade.quote_amount or amount * max(market, trade.price or market)
    return [
        (f"{venue}:{balance_type(unified, trade.market, asset)}:{asset}", change)
        for asset, change in ((base, sign * amount), (quote, -sign * cost))
    ]


# --- chains -----------------------------------------------------------------------------------------------------------


def _tokens(step: Action) -> tuple[str, ...]:
    named = [step.token_in, step.token_out, *(coin for coin, _ in _others(step))]
    return tuple(dict.fromkeys(token for token in named if token))


def _others(step: Action) -> list[tuple[str, Decimal]]:
    """What is put into a pool besides ``token_in``: the parameter ``other_amounts``, as ``USDC=10,DAI=5``."""
    found = []
    for part in filter(None, step.parameters.get("other_amounts", "").split(",")):
        coin, _, text = part.partition("=")
        try:
            amount = Decimal(text)
        except InvalidOperation:
            raise Unmeasured(f"other_amounts: {part!r} is no coin and amount; write it as USDC=10") from None
        if not amount.is_finite():
            raise Unmeasured(f"other_amounts: {part!r} is no coin and amount; write it as USDC=10")
        found.append((coin, amount))
    return found


def _is_exact_output(step: Action) -> bool:
    return step.operation == "swap" and step.parameters.get("exact") == "output"


def _counted_in(step: Action) -> str:
    """The token that the step's amount is of."""
    gives = step.operation in _GIVES and not _is_exact_output(step)
    found = (step.token_in or step.token_out) if gives else (step.token_out or step.token_in)
    return found or step.parameters.get("pool", "")


def _beside(step: Action) -> tuple[str, int] | None:
    """The position beside the wallet that the step changes: its key, and the sign."""
    found = _BESIDE.get((step.protocol, step.operation))
    if found is None:
        return None
    symbol = step.parameters.get("market", "") if step.protocol == "morpho" else _counted_in(step)
    return found[0] + symbol, found[1]


def _sides(step: Action, held: Held) -> list[tuple[str, Decimal]]:
    """What the step is about: tokens and amounts. Raises Unmeasured."""
    if step.amount_text is not None:
        raise Unmeasured(f"{step.operation}: amount_text in {step.amount_unit} has no notional; give `amount`")
    token = _counted_in(step)
    if step.amount_rule == "all":
        beside = _beside(step)
        whole = beside[0] if beside and step.operation in _ALL_OF else f"{_WALLET}{token}"
        if step.operation == "remove_liquidity":
            whole = f"curve:LPToken:{step.parameters.get('pool', token)}"
        return [(token, held.get(whole, money.ZERO).copy_abs()), *_others(step)]
    return [(token, step.amount or money.ZERO), *_others(step)]


def _of_step(step: Action, prices: Prices, held: Held, before: Decimal | None) -> tuple[list[Change], Decimal | None]:
    """What it changes, and what it puts out for the next; ``None``: that can't be told."""
    if step.operation in _MOVES_NOTHING:
        return [], before
    token = _counted_in(step)
    if step.amount_rule == "previous_output":
        if before is None:
            raise Unmeasured(f"{step.operation}: what the step before puts out can't be told; give `amount`")
        sides = [(token, before), *_others(step)]
    else:
        sides = _sides(step, held)
    gives = step.operation in _GIVES
    amount = sides[0][1]
    if step.operation == "swap":
        return _of_swap(step, prices, amount)
    found = [(f"{_WALLET}{coin}", -one if gives else one) for coin, one in sides]
    beside = _beside(step)
    if beside is not None:
        found.append((beside[0], beside[1] * amount))
    return found, amount if beside is not None else None


def _of_swap(step: Action, prices: Prices, amount: Decimal) -> tuple[list[Change], Decimal]:
    sold, bought = step.token_in or "", step.token_out or ""
    exact_output = _is_exact_output(step)
    known, other = (bought, sold) if exact_output else (sold, bought)
    one = prices.worth(step.protocol, other, Decimal(1))
    if not one:
        raise Unmeasured(f"the price of {other} is zero; see that market data of it is right")
    counter = money.ratio(prices.worth(step.protocol, known, amount), one)
    given, got = (counter, amount) if exact_output else (amount, counter)
    return [(f"{_WALLET}{sold}", -given), (f"{_WALLET}{bought}", got)], got
