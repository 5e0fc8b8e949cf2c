"""What Binance's refusals of transfers mean.

Sources, by the name in each row: ``wallet``: https://developers.binance.com/docs/wallet/error-code, and where that page
has no more than the number, its message as ccxt 4.5.90 keeps it (``binance.py``, ``exceptions``); ``http``:
https://developers.binance.com/docs/binance-spot-api-docs/rest-api/http-return-codes; ``demo``:
https://developers.binance.com/docs/binance-spot-api-docs/demo-mode/general-info, which has ``/api`` alone.
"""

from __future__ import annotations

from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, LIMITED, AWAY, CREDENTIALS, UNKNOWN = "EXI-001", "EXI-002", "EXI-003", "EXI-004", "EXI-005"
FUNDS, INVALID, UNSUPPORTED, CLOCK = "EXI-006", "EXI-007", "EXI-013", "EXI-015"

VERDICTS = Verdicts(
    (
        # --- neither success nor rejection
        Row(("-1000", "-1001", "-1006", "-1007"), "unknown", UNKNOWN, "wallet: unknown error, execution unknown"),
        Row(("-4027",), "unknown", UNKNOWN, "wallet: failed to obtain tranId; not said: whether it acted"),
        Row(("-5010", "-5012"), "unknown", UNKNOWN, "wallet: asset transfer fail, asset transfer is in pending"),
        Row(("-4115",), "duplicate", UNKNOWN, "wallet: clientTranId is duplicated"),
        # --- nothing was done, and the same may be sent again
        Row(("-1003", "HTTP 429", "HTTP 418"), "not_sent", LIMITED, "wallet: too many requests; http: 429, 418 a ban"),
        Row(("-4005",), "not_sent", LIMITED, "wallet: too many new requests"),
        Row(("HTTP 403",), "not_sent", LIMITED, "http: the firewall's limit was violated"),
        Row(("-1016",), "not_sent", AWAY, "wallet: the service is no longer available"),
        Row(("-1021",), "not_sent", CLOCK, "wallet: the timestamp is 1000ms ahead of the server's time", "ahead"),
        Row(("-1021",), "not_sent", FAILED, "wallet: the timestamp is outside of the recvWindow"),
        # --- nothing was done, and nothing will be
        Row(
            ("-1002", "-2014", "-2015", "-1022", "HTTP 401"),
            "refused",
            CREDENTIALS,
            "wallet: key, signature, right",
        ),
        Row(
            ("-4004", "-4006", "-4010", "-4012", "-4013", "-4039", "-4044", "-4046", "-3001"),
            "refused",
            CREDENTIALS,
            "wallet: not logged in, main account only, white list, 2FA, user, country, agreement",
        ),
        Row(("-4026", "-4024", "-4025", "-5002", "-5003", "-3041"), "refused", FUNDS, "wallet: insufficient balance"),
        Row(("-3020", "-3005"), "refused", FUNDS, "wallet: transfer out amount exceeds max amount"),
        Row(
            ("-4021", "-4022", "-4028", "-5007"),
            "refused",
            INVALID,
            "wallet: no multiple, less than the minimum, not above the commission, not above zero",
        ),
        Row(
            ("-4007", "-4008", "-4033", "-4034", "-4035", "-4036", "-4106"),
            "refused",
            INVALID,
            "wallet: the address or its tag: validation, illegal, suspected, not on the white list, too new, no tag",
        ),
        Row(("-4018", "-4019", "-5001", "-5009"), "refused", UNSUPPORTED, "wallet: no such asset, or not open for it"),
        Row(("-4001", "-4047", "-5011"), "refused", UNSUPPORTED, "wallet: invalid operation, interval, no futures"),
        Row(
            ("-4014", "-4015", "-4016", "-4017", "-4023", "-3018", "-3019"),
            "refused",
            FAILED,
            "wallet: withdrawing is limited or forbidden for now",
        ),
        Row(
            tuple(f"-{number}" for number in range(1100, 1132)),
            "refused",
            INVALID,
            "wallet: the 11xx series, request issues: a parameter is missing, malformed or not allowed",
        ),
        Row(("HTTP 404",), "refused", UNSUPPORTED, "demo: there is no /sapi, and so there are no transfers"),
        # --- a status alone
        Row(("HTTP 500", "HTTP 502", "HTTP 503", "HTTP 504"), "unknown", UNKNOWN, "http: 5XX, execution unknown"),
    )
)
