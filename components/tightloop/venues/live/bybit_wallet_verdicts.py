"""What Bybit's refusals of transfers mean: those of its wallet, and then those of any request (``bybit_verdicts.py``).

Sources, by the name in each row: ``errors``: https://bybit-exchange.github.io/docs/v5/error; ``asset``: the table of
https://bybit-exchange.github.io/doc-v3-offline/account-asset/error, whose numbers v5 has taken over, and the message of
131001 as ccxt 4.5.90 keeps it (``bybit.py``, ``exceptions``).

What a ``requestId`` that was used before is refused with is not said: a parameter that is wrong may be that, too, so
that it proves nothing here.
"""

from __future__ import annotations

from tightloop.venues.live import bybit_verdicts
from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, CREDENTIALS, UNKNOWN, FUNDS, INVALID, UNSUPPORTED = (
    "EXI-001",
    "EXI-004",
    "EXI-005",
    "EXI-006",
    "EXI-007",
    "EXI-013",
)

OWN = (
    # --- it may be there already
    Row(("10014",), "duplicate", UNKNOWN, "errors: invalid duplicate request"),
    Row(("131214",), "duplicate", UNKNOWN, "asset: the id exists"),
    Row(("10001", "131002", "131203"), "unknown", UNKNOWN, "asset: parameter error; a used requestId may be one"),
    # --- nothing was done, and nothing will be
    Row(("131001",), "refused", FUNDS, "asset: it does not cover the handling fee", "balance is not sufficient"),
    Row(("131085", "131086", "131212"), "refused", FUNDS, "asset: insufficient, delayed, bound by the margin's risk"),
    Row(
        ("131004", "131090", "131091", "131092", "131094", "131204", "131207", "131208"),
        "refused",
        CREDENTIALS,
        "asset: identity, banned, blocked, abnormal status, not on the list of users, account, forbidden",
    ),
    Row(("131093", "131098"), "refused", INVALID, "asset: the address is not in the whitelist, or too new"),
    Row(("131096", "131210", "131215"), "refused", INVALID, "asset: beyond the limits of an amount, its accuracy"),
    Row(("131097", "131231", "131232", "170221"), "refused", UNSUPPORTED, "errors: closed for this coin; no such coin"),
    Row(("131084", "131088", "131089", "131095"), "refused", FAILED, "asset: upgrading, daily limits, 24 hours' ban"),
    # --- neither success nor rejection
    Row(
        ("131001", "131003", "131099", "131200", "131201", "131206", "131216", "131217"),
        "unknown",
        UNKNOWN,
        "asset: service error, internal error, the hot wallet's status, checks that failed",
    ),
)
VERDICTS = Verdicts((*OWN, *bybit_verdicts.VERDICTS.rows))
