"""What the steps of a transaction do: a swap, a lending market, a transfer. Each works on a draft of the wallet.

Deltas are differences of balances, never what was asked for: a deposit may be credited one smallest unit short and a
debt one more, as on the real protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tightloop.venues.sim import rounding
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.market import Market
from tightloop.venues.sim.settings import ChainSettings
from tightloop.venues.sim.wallets import OWED, SUPPLIED, Draft, Reverted

_ONE = Decimal(1)
_BPS = Decimal("0.0001")
_PIPS = Decimal("0.000001")  # a Uniswap fee tier counts these
_HELD = "wallet:BaseToken:"


class Step(Struct, frozen=True):
    """What one action did. ``output`` is what ``previous_output`` means to the next."""

    operation: str
    symbol: str
    amount: Decimal
    output: Decimal
    cost: Decimal | None = None


class Protocols:
    """The protocols of one chain, at the market's prices."""

    def __init__(self, settings: ChainSettings, market: Market) -> None:
        self._settings = settings
        self._market = market
        self._operations: dict[str, Callable[[Draft, ChainAction, Decimal, datetime, Decimal], Step]] = {
            "uniswap.swap": self._swap,
            "aave.supply": self._supply,
            "aave.withdraw": self._withdraw,
            "aave.borrow": self._borrow,
            "aave.repay": self._repay,
            "wallet.transfer": self._transfer,
        }

    def check(self, action: ChainAction) -> None:
        """Raises VenueError for a step that no node would take: unknown, or without what it needs."""
        name = f"{action.protocol}.{action.operation}"
        if name not in self._operations:
            raise VenueError("operation_not_supported", f"this chain has no {name}")
        needs_in = name not in ("aave.withdraw", "aave.borrow")
        for token in (action.token_in, action.token_out):
            if token is not None and token not in self._settings.decimals:
                raise VenueError("invalid_order", f"{name}: the token {token} is not in this chain's token list")
        if needs_in and action.token_in is None:
            raise VenueError("invalid_order", f"{name} needs token_in")
        if (not needs_in or name == "uniswap.swap") and (action.token_out or action.token_in) is None:
            raise VenueError("invalid_order", f"{name} needs token_out")
        if name == "wallet.transfer" and not action.parameters.get("to", "").startswith("0x"):
            raise VenueError("invalid_order", "a transfer goes to an address: parameter `to`, 0x...")
        if action.amount_rule == "number" and (action.amount is None or action.amount <= 0):
            raise VenueError("invalid_order", f"{name} needs an amount above zero")
        if action.amount_rule == "all" and name == "aave.borrow":
            raise VenueError("invalid_order", "there is no `all` to borrow")

    def gas(self, action: ChainAction) -> int:
        native = action.operation == "transfer" and action.token_in == self._settings.native
        return self._settings.gas[f"{action.protocol}.{action.operation}{'_native' if native else ''}"]

    def run(self, draft: Draft, action: ChainAction, before: Step | None, at: datetime, worse_bps: Decimal) -> Step:
        """Do one step on the draft. Raises Reverted; the draft is then of no use."""
        operation = self._operations[f"{action.protocol}.{action.operation}"]
        return operation(draft, action, self._amount(draft, action, before), at, worse_bps)

    def _amount(self, draft: Draft, action: ChainAction, before: Step | None) -> Decimal:
        """How much is meant, in whole smallest units. Raises Reverted when that is nothing."""
        token = self._token(action)
        if action.amount_rule == "previous_output":
            amount = ZERO if before is None else before.output
        elif action.amount_rule == "all":
            amount = draft.balance(self._source(action) + token)
            if action.operation == "repay":
                amount = min(amount, draft.balance(OWED + token))
        else:
            amount = action.amount or ZERO
        amount = self._down(token, amount)
        if amount <= 0:
            raise Reverted("insufficient_balance", f"{action.protocol} {action.operation}: nothing of {token} to use")
        return amount

    def _token(self, action: ChainAction) -> str:
        gets = action.operation in ("withdraw", "borrow")
        return (action.token_out or action.token_in or "") if gets else (action.token_in or "")

    @staticmethod
    def _source(action: ChainAction) -> str:
        return SUPPLIED if action.operation == "withdraw" else _HELD

    def _down(self, token: str, amount: Decimal) -> Decimal:
        return rounding.DOWN.quantize(amount, rounding.unit(self._settings.decimals[token]))

    def _worth(self, token: str, at: datetime) -> Decimal:
        worth = self._market.worth("", token, at)
        if worth is None:
            raise Reverted("no_price", f"the market has no price of {token}")
        return worth

    # --- operations: (draft, action, amount, market time, injected slippage) -> step ------------------------------

    def _swap(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        sold, bought = action.token_in or "", action.token_out or ""
        tier = action.parameters.get("fee")
        fee = self._settings.swap_fee if tier is None else Decimal(int(tier)) * _PIPS
        context = rounding.DOWN
        price = context.divide(self._worth(sold, at), self._worth(bought, at))
        quote = context.multiply(context.multiply(amount, price), _ONE - fee)
        out = self._down(bought, context.multiply(quote, _ONE - worse_bps * _BPS))
        least = action.min_amount_out or ZERO
        if action.max_slippage_bps is not None:
            least = max(least, self._down(bought, context.multiply(quote, _ONE - action.max_slippage_bps * _BPS)))
        if out < least:
            raise Reverted("slippage_limit", f"{out} {bought} would come out, {least} is the least")
        draft.move(_HELD + sold, -amount, "trade")
        draft.move(_HELD + bought, out, "trade")
        return Step("swap", f"{sold}/{bought}", amount, out, cost=out)

    def _supply(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        token = self._token(action)
        key = SUPPLIED + token
        added = draft.lending.shares(key, amount, draft.account.step, up=False)
        draft.move(_HELD + token, -amount, "trade")
        draft.set_shares(key, draft.shares(key) + added)
        return Step("supply", token, amount, amount)

    def _withdraw(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        token = self._token(action)
        key = SUPPLIED + token
        held = draft.balance(key)
        if amount > held:
            raise Reverted("insufficient_balance", f"{key}: {amount} is needed, {held} is there")
        taken = draft.lending.shares(key, amount, draft.account.step, up=True)
        draft.set_shares(key, ZERO if amount == held else max(ZERO, draft.shares(key) - taken))
        draft.move(_HELD + token, amount, "trade")
        self._check_health(draft, at)
        return Step("withdraw", token, amount, amount)

    def _borrow(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        token = self._token(action)
        key = OWED + token
        added = draft.lending.shares(key, amount, draft.account.step, up=True)
        draft.set_shares(key, draft.shares(key) + added)
        draft.move(_HELD + token, amount, "trade")
        self._check_health(draft, at)
        return Step("borrow", token, amount, amount)

    def _repay(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        token = self._token(action)
        key = OWED + token
        owed = draft.balance(key)
        amount = min(amount, owed)
        if not amount:
            raise Reverted("invalid_order", f"nothing of {token} is owed")
        taken = draft.lending.shares(key, amount, draft.account.step, up=False)
        draft.move(_HELD + token, -amount, "trade")
        draft.set_shares(key, ZERO if amount == owed else draft.shares(key) - taken)
        return Step("repay", token, amount, amount)

    def _transfer(self, draft: Draft, action: ChainAction, amount: Decimal, at: datetime, worse_bps: Decimal) -> Step:
        draft.move(_HELD + self._token(action), -amount, "transfer")
        return Step("transfer", self._token(action), amount, amount)

    def _check_health(self, draft: Draft, at: datetime) -> None:
        """Debts may be at most the loan-to-value fraction of what is supplied."""
        supplied = owed = ZERO
        for token in self._settings.decimals:
            for prefix in (SUPPLIED, OWED):
                held = draft.balance(prefix + token)
                if held and prefix == SUPPLIED:
                    supplied += held * self._worth(token, at)
                elif held:
                    owed += held * self._worth(token, at)
        if owed > supplied * self._settings.loan_to_value:
            raise Reverted("insufficient_margin", f"debts of {owed} on {supplied} of collateral (both in USDT)")
