"""Slips in the simulated exchanges, in what keeps live lanes from starting, and in interfaces that trade live."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MARGIN = "venues/sim/margin.py"
BOUNDS = "venues/sim/bounds.py"
CONNECTIONS = "venues/connections.py"
LIVE = "interfaces/live.py"
BY_RULES = ("tests/unit/venues/test_exchange_rules.py",)
BY_CONNECTIONS = ("tests/unit/assembly/test_connections.py",)
BY_LIVE = ("tests/unit/interfaces/test_live_interface.py",)

MUTANTS = (
    Mutant(
        "nothing-is-liquidated",
        "a position is kept whatever it has lost",
        MARGIN,
        "        if equity < sum((maintenance(settings.maintenance, one.notional) for one in held), ZERO):\n",
        "        if False:\n",
        BY_RULES,
    ),
    Mutant(
        "a-tiers-rate-counts-for-all-of-it",
        "maintenance margin jumps where a tier begins",
        MARGIN,
        "        kept += (above - below) * tier.rate\n",
        "        kept = above * tier.rate\n",
        BY_RULES,
    ),
    Mutant(
        "a-liquidation-leaves-less-than-nothing",
        "the insurance fund pays nothing, and a margin balance falls below zero",
        MARGIN,
        "    if short > 0:\n",
        "    if False:\n",
        BY_RULES,
    ),
    Mutant(
        "a-market-order-is-as-large-as-any",
        "the bound of market orders is forgotten",
        BOUNDS,
        "    most_amount = _tighter(rules.max_amount, rules.max_market_amount if at_market else None)\n",
        "    most_amount = rules.max_amount\n",
        BY_RULES,
    ),
    Mutant(
        "contracts-are-taken-for-base-units",
        "an exchange's contracts are traded as if each were a coin",
        "venues/sim/settings.py",
        "        lot=D(lot) * size,\n",
        "        lot=D(lot),\n",
        BY_RULES,
    ),
    Mutant(
        "prod-needs-no-switch",
        "an executor trades real money that nobody switched on",
        CONNECTIONS,
        "    if around.environment == PRODUCTION and not around.live_trading:\n",
        "    if False:\n",
        BY_CONNECTIONS,
    ),
    Mutant(
        "dev-reaches-production",
        "a lane of dev trades at the exchange itself",
        CONNECTIONS,
        "    if real and environment != PRODUCTION:\n",
        "    if False:\n",
        BY_CONNECTIONS,
    ),
    Mutant(
        "lanes-share-credentials",
        "a further lane of an exchange trades with the first one's key",
        CONNECTIONS,
        "around.variables, lane=lane.name, reading=reading)\n",
        "around.variables, reading=reading)\n",
        BY_CONNECTIONS,
    ),
    Mutant(
        "a-networks-name-is-not-looked-at",
        "a wallet's provider of another chain than the lane's is taken",
        "venues/wallet.py",
        "    if int(told) != lane.chain_id:\n",
        "    if False:\n",
        BY_CONNECTIONS,
    ),
    Mutant(
        "what-waited-for-an-adoption-runs-later",
        "an order that was refused because its account waits is sent when the account is adopted",
        LIVE,
        "                self._withdraw(instructions)\n",
        "",
        BY_LIVE,
    ),
    Mutant(
        "live-without-a-journal",
        "money is moved in process without a journal",
        LIVE,
        "        if journal is None:\n",
        "        if False:\n",
        BY_LIVE,
    ),
)
