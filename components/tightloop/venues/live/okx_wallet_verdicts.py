"""What OKX's refusals of transfers mean: those of its funding account, and then those of any request
(``okx_verdicts.py``).

Source of each row: the section "Error Code" of https://www.okx.com/docs-v5/en, its part ``funding`` (58xxx), as ccxt
4.5.90 keeps its messages (``okx.py``, ``exceptions``).

What a ``clientId`` that was used before is refused with is not said: a parameter that is wrong may be that, too, so
that it proves nothing here.
"""

from __future__ import annotations

from tightloop.venues.live import okx_verdicts
from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, LIMITED, AWAY, CREDENTIALS, UNKNOWN = "EXI-001", "EXI-002", "EXI-003", "EXI-004", "EXI-005"
FUNDS, INVALID, UNSUPPORTED = "EXI-006", "EXI-007", "EXI-013"
NOT_IN_DEMO = "50038"

OWN = (
    # --- neither success nor rejection
    Row(("51000", "50014", "50015", "50016", "50024"), "unknown", UNKNOWN, "funding: a parameter; perhaps a used id"),
    Row(("58007", "58112"), "unknown", UNKNOWN, "funding: abnormal, the transfer failed, try again later"),
    # --- nothing was done, and the same may be sent again
    Row(("58102",), "not_sent", LIMITED, "funding: too frequent transfers"),
    Row(("58111",), "not_sent", AWAY, "funding: unavailable while funding fees are charged"),
    # --- nothing was done, and nothing will be
    Row(("58350", "58229", "58117"), "refused", FUNDS, "funding: insufficient balance, for the fee, negative assets"),
    Row(
        ("58001", "58004", "58101", "58204", "58208", "58209", "58213"),
        "refused",
        CREDENTIALS,
        "funding: blocked, suspended, no email, a subaccount, no trading password",
    ),
    Row(("58203", "58207", "58221", "58222"), "refused", INVALID, "funding: the address or its label"),
    Row(("58205", "58206", "58210", "58211", "58212", "58114", "58116"), "refused", INVALID, "funding: amounts, fees"),
    Row(("58006", "58200", "58224", NOT_IN_DEMO), "refused", UNSUPPORTED, "funding: this coin, this way, demo trading"),
    Row(("58100", "58104", "58105", "58110", "58201"), "refused", FAILED, "funding: risk control, daily limit"),
)
VERDICTS = Verdicts((*OWN, *okx_verdicts.VERDICTS.rows))
