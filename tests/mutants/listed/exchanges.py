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

BY_FEES = ("tests/contract/venues/test_fees.py",)
BY_OUTAGES = ("tests/contract/venues/test_outages.py",)
BY_DOCUMENTS = ("tests/unit/venues/dialects/test_documents.py",)
BY_SANDBOX = ("tests/integration/venues/test_binance_sandbox.py",)
FEES = "venues/sim/fees.py"
CHANGING = "venues/sim/changing.py"
FAULTS = "venues/sim/faults.py"
DOCUMENTS = "venues/dialects/documents.py"

MUTANTS = (
    Mutant(
        "more-of-the-coin-is-paid-than-there-is",
        "a fee in the exchange's coin makes its balance negative",
        FEES,
        "    return (listing.coin_key, fee) if free >= fee else None\n",
        "    return (listing.coin_key, fee)\n",
        BY_RULES,
    ),
    Mutant(
        "perpetuals-get-the-discount-of-spot",
        "a fee in the exchange's coin has the other market's discount",
        FEES,
        "coin.perp_discount if listing.perp else coin.spot_discount",
        "coin.spot_discount",
        BY_FEES,
    ),
    Mutant(
        "a-rebate-is-charged",
        "a maker's rebate is taken for a rate of the exchange",
        FEES,
        "        return listing.maker if own.maker is None else own.maker\n",
        "        return listing.maker\n",
        BY_FEES,
    ),
    Mutant(
        "hedge-mode-is-traded",
        "an order of an account in hedge mode is taken",
        "venues/sim/exchange.py",
        "        if listing.perp and account.hedged:\n",
        "        if False:\n",
        BY_OUTAGES,
    ),
    Mutant(
        "a-ban-does-not-say-when-it-ends",
        "who is banned is not told for how long",
        FAULTS,
        "        return Strike(kind, drop=kind, retry_after_s=left_s)\n",
        "        return Strike(kind, drop=kind)\n",
        BY_OUTAGES,
    ),
    Mutant(
        "maintenance-meets-no-questions",
        "an exchange under maintenance answers what is asked",
        FAULTS,
        'EVERYTHING = ("down", "maintenance", "ban")',
        'EVERYTHING = ("down", "ban")',
        BY_OUTAGES,
    ),
    Mutant(
        "undocumented-parameters-pass",
        "a parameter that no document has is taken",
        DOCUMENTS,
        "for name in given if name not in self.parameters]\n",
        "for name in ()]\n",
        BY_DOCUMENTS,
    ),
    Mutant(
        "a-changed-order-needs-no-margin",
        "an order is changed to more than its account can carry",
        CHANGING,
        "            check_margin(account, wanted, listing.price(at), leverage, at)\n",
        "            pass\n",
        BY_SANDBOX,
    ),
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
