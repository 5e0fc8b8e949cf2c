"""The protocols of one chain: what each step of a transaction does, and what liquidators do."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches

from tightloop.venues.sim.books import Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.commands import ChainAction
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols.aave import Aave
from tightloop.venues.sim.protocols.curve import Curve
from tightloop.venues.sim.protocols.lending import DEBT, MORPHO_DEBT, is_debt
from tightloop.venues.sim.protocols.liquidation import Liquidation
from tightloop.venues.sim.protocols.morpho import Morpho
from tightloop.venues.sim.protocols.steps import Acting, OnChainProtocol, Step
from tightloop.venues.sim.protocols.tokens import Tokens
from tightloop.venues.sim.protocols.uniswap import Uniswap
from tightloop.venues.sim.protocols.wallet import Wallet


class Protocols:
    def __init__(self, settings: ChainSettings, tokens: Tokens) -> None:
        self._settings = settings
        self._uniswap = Uniswap(settings, tokens)
        self._aave = Aave(settings, tokens)
        self._morpho = Morpho(settings, tokens)
        protocols: dict[str, OnChainProtocol] = {
            "uniswap": self._uniswap,
            "curve": Curve(settings, tokens),
            "aave": self._aave,
            "morpho": self._morpho,
            "wallet": Wallet(tokens),
        }
        empty = {name for name in ("curve", "aave", "morpho") if not getattr(settings, name)}
        self._protocols = {name: protocol for name, protocol in protocols.items() if name not in empty}

    # --- steps --------------------------------------------------------------------------------------------------------

    def check(self, action: ChainAction) -> None:
        """Raises VenueError for a step that no node would take: unknown, or without what it needs."""
        protocol = self._protocols.get(action.protocol)
        if protocol is None or action.operation not in protocol.operations:
            raise VenueError("operation_not_supported", f"this chain has no {action.protocol}.{action.operation}")
        try:
            _check_names(action, protocol.parameters)
            protocol.check(action)
        except VenueError as refusal:
            message = f"{action.protocol}.{action.operation}: {refusal.message}"
            raise VenueError(refusal.code, message) from refusal
        except Reverted as refusal:
            raise VenueError(refusal.code, refusal.message) from refusal

    def gas(self, action: ChainAction) -> int:
        native = action.operation == "transfer" and action.token_in == self._settings.native
        units = self._settings.gas[f"{action.protocol}.{action.operation}{'_native' if native else ''}"]
        return units * len(self._uniswap.hops(action)) if action.protocol == "uniswap" else units

    def run(self, draft: Draft, action: ChainAction, before: Step | None, at: datetime, worse_bps: Decimal) -> Step:
        """Do one step on the draft. Raises Reverted; the draft is then of no use."""
        operation = self._protocols[action.protocol].operations[action.operation]
        return operation(Acting(draft, action, before, at, worse_bps))

    # --- liquidations -------------------------------------------------------------------------------------------------

    def liquidation(self, draft: Draft, at: datetime) -> Liquidation | None:
        """Do the next thing on the draft that liquidators do at the market's prices; None: all is sound, or nobody
        can tell, because a price is missing.
        """
        debts = [key for key in draft.shared() if is_debt(key)]
        with suppress(Reverted):
            if any(key.startswith(DEBT) for key in debts):
                done = self._aave.liquidate(draft, at)
                if done is not None:
                    return done
            for key in debts:
                if key.startswith(MORPHO_DEBT):
                    done = self._morpho.liquidate(draft, key.removeprefix(MORPHO_DEBT), at, forced=False)
                    if done is not None:
                        return done
        return None

    def liquidate(self, draft: Draft, key: str, at: datetime) -> Liquidation:
        """A liquidator comes to this debt however sound it is. Raises VenueError when that can't be."""
        done = None
        try:
            if draft.shares(key) and key.startswith(DEBT):
                done = self._aave.liquidate(draft, at, key.removeprefix(DEBT))
            elif draft.shares(key) and key.startswith(MORPHO_DEBT):
                done = self._morpho.liquidate(draft, key.removeprefix(MORPHO_DEBT), at, forced=True)
        except Reverted as failure:
            raise VenueError("bad_request", failure.message) from failure
        if done is None:
            raise VenueError("bad_request", f"{draft.account.name} has no debt {key} that could be liquidated")
        return done


def _check_names(action: ChainAction, known: frozenset[str]) -> None:
    for name in action.parameters.keys() - known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise VenueError("invalid_order", f"unknown parameter {name}: {hint}")
