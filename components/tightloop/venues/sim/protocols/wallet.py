"""Transfers out of a wallet, of the native asset or a token."""

from __future__ import annotations

from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.protocols.steps import HELD, Acting, Operation, Step, asked_units, check_amount, check_token
from tightloop.venues.sim.protocols.tokens import Tokens


class Wallet:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.operations: dict[str, Operation] = {"transfer": self._transfer}
        self.parameters = frozenset({"to"})

    def check(self, action: ChainAction) -> None:
        check_token(self._tokens, "token_in", action.token_in)
        check_amount(action)
        if not action.parameters.get("to", "").startswith("0x"):
            raise VenueError("invalid_order", "a transfer goes to an address: parameter `to`, 0x...")

    def _transfer(self, acting: Acting) -> Step:
        token = acting.action.token_in or ""
        amount = self._tokens.amount(token, asked_units(acting, self._tokens, token, HELD + token))
        acting.draft.move(HELD + token, -amount, "transfer")
        return Step("transfer", token, amount, amount)
