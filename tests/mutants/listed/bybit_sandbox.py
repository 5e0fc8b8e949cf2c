"""Slips in the sandbox of Bybit, and in what the engine does for it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

HERE = "venues/dialects/bybit"
EXCHANGE = "venues/sim/exchange.py"
BY_RULES = ("tests/unit/venues/test_exchange_rules.py",)
BY_VIEWS = ("tests/unit/venues/dialects/test_bybit_views.py",)
BY_SANDBOX = ("tests/integration/venues/test_bybit_sandbox.py",)

MUTANTS = (
    Mutant(
        "an-id-that-is-taken-once-is-taken-again",
        "a request that is sent twice buys twice where the exchange takes an id once",
        EXCHANGE,
        '        if history and (history[-1].status == "open" or self.settings.ids_once):\n',
        '        if history and history[-1].status == "open":\n',
        BY_RULES,
    ),
    Mutant(
        "a-post-only-order-that-ends-has-traded",
        "a post-only order takes liquidity where the exchange takes it and ends it",
        EXCHANGE,
        "        if met and order.post_only:\n",
        "        if False:\n",
        BY_RULES,
    ),
    Mutant(
        "a-bybit-signature-is-not-looked-at",
        "whoever knows a key's name trades in the sandbox of Bybit",
        f"{HERE}/signing.py",
        '    if not hmac.compare_digest(headers["X-BAPI-SIGN"].lower(), signature(key.secret, text)):\n',
        "    if False:\n",
        BY_SANDBOX,
    ),
    Mutant(
        "a-bybit-window-is-not-looked-at",
        "a request acts in the sandbox of Bybit however old it is",
        f"{HERE}/signing.py",
        "        if not now_ms - self._window_ms <= self._at_ms < now_ms + AHEAD_MS:\n",
        "        if not self._at_ms < now_ms + AHEAD_MS:\n",
        BY_SANDBOX,
    ),
    Mutant(
        "a-bybit-key-that-reads-trades",
        "a key that may only read trades in the sandbox of Bybit",
        f"{HERE}/signing.py",
        "    if right not in key.rights:\n",
        "    if False:\n",
        BY_SANDBOX,
    ),
    Mutant(
        "closed-bybit-orders-outlive-a-restart",
        "order/realtime tells of orders that closed before the service was started",
        f"{HERE}/orders.py",
        'if one.status != "open" and one.updated_at >= call.venue.started_at]',
        'if one.status != "open"]',
        BY_SANDBOX,
    ),
    Mutant(
        "bybit-funding-has-the-wrong-sign",
        "the transaction log shows funding that was paid as received",
        f"{HERE}/transactions.py",
        '        "funding": plain(funding.received),\n',
        '        "funding": plain(-funding.received),\n',
        BY_SANDBOX,
    ),
    Mutant(
        "a-page-of-bybit-begins-with-the-last-one",
        "what ended a page is told again on the next one",
        f"{HERE}/calls.py",
        "if number(one) < int(read[0])]",
        "if number(one) <= int(read[0])]",
        BY_SANDBOX,
    ),
    Mutant(
        "a-turned-position-was-not-closed",
        "a trade that turns a position closed only the difference of both sizes",
        "venues/dialects/bookkeeping.py",
        "        return abs(held) if held * left < 0 else max(ZERO, abs(held) - abs(left))\n",
        "        return max(ZERO, abs(held) - abs(left))\n",
        BY_VIEWS,
    ),
    Mutant(
        "a-bybit-limit-lets-one-more-in",
        "an account may ask once more than its limit",
        f"{HERE}/limits.py",
        "        if len(within) >= limit:\n",
        "        if len(within) > limit:\n",
        BY_VIEWS,
    ),
)
