"""Slips in the sandbox of OKX."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

HERE = "venues/dialects/okx"
BY_VIEWS = ("tests/unit/venues/dialects/test_okx_views.py",)
BY_SANDBOX = ("tests/integration/venues/test_okx_sandbox.py",)
BY_BATCHES = ("tests/integration/venues/test_okx_batches.py",)
BY_ASKING = ("tests/integration/venues/test_okx_asking.py",)

MUTANTS = (
    Mutant(
        "an-okx-signature-is-not-looked-at",
        "whoever knows a key's name trades in the sandbox of OKX",
        f"{HERE}/signing.py",
        '    if not hmac.compare_digest(headers["OK-ACCESS-SIGN"], signature(',
        '    if False and hmac.compare_digest(headers["OK-ACCESS-SIGN"], signature(',
        BY_SANDBOX,
    ),
    Mutant(
        "an-okx-passphrase-is-not-looked-at",
        "whoever has a key and its secret needs no passphrase",
        f"{HERE}/signing.py",
        '    if not hmac.compare_digest(headers["OK-ACCESS-PASSPHRASE"], key.passphrase):\n',
        "    if False:\n",
        BY_SANDBOX,
    ),
    Mutant(
        "an-okx-key-that-reads-trades",
        "a key that may only read trades in the sandbox of OKX",
        f"{HERE}/signing.py",
        "    if right not in key.rights:\n",
        "    if False:\n",
        BY_SANDBOX,
    ),
    Mutant(
        "okx-takes-an-old-request",
        "a request acts in the sandbox of OKX however long ago it was signed",
        f"{HERE}/signing.py",
        "        if abs(at - self.at) > timedelta(seconds=TAKEN_FOR_S):\n",
        "        if self.at - at > timedelta(seconds=TAKEN_FOR_S):\n",
        BY_VIEWS,
    ),
    Mutant(
        "okx-takes-an-order-that-has-expired",
        "what its sender has given up acts",
        f"{HERE}/signing.py",
        "        if self._expires_ms is not None and milliseconds(at) > self._expires_ms:\n",
        "        if False:\n",
        BY_VIEWS,
    ),
    Mutant(
        "a-cancel-at-okx-expires",
        "a cancel is refused for a header that OKX does not read of it",
        f"{HERE}/signing.py",
        'headers.get("expTime", "") if path in _EXPIRING else ""',
        'headers.get("expTime", "")',
        BY_VIEWS,
    ),
    Mutant(
        "an-okx-limit-lets-one-more-in",
        "an account may ask once more than its limit",
        f"{HERE}/limits.py",
        "            if len(within) + times > limit:\n",
        "            if len(within) + times > limit + 1:\n",
        BY_VIEWS,
    ),
    Mutant(
        "a-batch-at-okx-counts-once",
        "twenty orders of one request count as one",
        f"{HERE}/limits.py",
        "            self._asked[name, account, instrument].extend([at] * times)\n",
        "            self._asked[name, account, instrument].append(at)\n",
        BY_VIEWS,
    ),
    Mutant(
        "a-wrong-order-stops-okx-s-batch",
        "one order that is wrong costs the others of its request",
        f"{HERE}/orders.py",
        "            if refusal.code != MISSING:\n",
        "            if True:\n",
        BY_BATCHES,
    ),
    Mutant(
        "okx-says-of-some-that-all-failed",
        "orders that were taken are told of as failed",
        f"{HERE}/orders.py",
        "all_failed=failed == len(told))",
        "all_failed=True)",
        BY_BATCHES,
    ),
    Mutant(
        "okx-cancels-what-it-can-not-change",
        "an order whose change is refused is gone, and nobody wanted that",
        f"{HERE}/orders.py",
        'if refusal.of_an_order and call.given.get("cxlOnFail") == "true":',
        "if refusal.of_an_order:",
        BY_BATCHES,
    ),
    Mutant(
        "a-page-of-okx-begins-with-the-last-one",
        "what ended a page is told again on the next one",
        f"{HERE}/calls.py",
        "int(name(one)) >= int(after)",
        "int(name(one)) > int(after)",
        BY_SANDBOX,
    ),
    Mutant(
        "okx-s-stream-tells-of-trades-before-they-were",
        "an order that was just taken shows the trades that it has had since",
        f"{HERE}/streams.py",
        "    found = shown(order, after.entries) | ",
        "    found = shown(order) | ",
        BY_VIEWS,
    ),
    Mutant(
        "okx-s-fees-have-the-wrong-sign",
        "a fee that was charged is told as a rebate",
        f"{HERE}/order_views.py",
        '        "fee": plain(-fee_of(entry)),\n',
        '        "fee": plain(fee_of(entry)),\n',
        BY_VIEWS,
    ),
    Mutant(
        "okx-counts-perpetuals-in-coins",
        "a trade of a perpetual is told in base units, not in contracts",
        f"{HERE}/order_views.py",
        '        "fillSz": plain(contracts(listing, entry.amount)),\n',
        '        "fillSz": plain(entry.amount),\n',
        BY_VIEWS,
    ),
    Mutant(
        "a-post-only-order-at-okx-ended-by-its-user",
        "an order that would have taken seems to have been cancelled by who sent it",
        f"{HERE}/order_views.py",
        '    if order.post_only and order.code == "order_rejected":\n',
        "    if False:\n",
        BY_VIEWS,
    ),
    Mutant(
        "okx-s-bills-are-of-any-instrument",
        "what is asked of one instrument is told of all",
        f"{HERE}/bills.py",
        '        found |= {"instType": kind_of(listing), "instId": instrument(listing.rules.symbol)}\n',
        '        found |= {"instType": kind_of(listing)}\n',
        BY_ASKING,
    ),
    Mutant(
        "okx-s-trades-have-the-maker-s-side",
        "a public trade tells the side of who waited",
        f"{HERE}/public.py",
        '    bought = (entry.side == "buy") == (entry.liquidity != "maker")\n',
        '    bought = (entry.side == "buy") == (entry.liquidity == "maker")\n',
        BY_ASKING,
    ),
)
