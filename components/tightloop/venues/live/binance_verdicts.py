"""What Binance's refusals mean.

Sources, by the name in each row: ``spot``: https://developers.binance.com/docs/binance-spot-api-docs/errors;
``futures``: https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code; ``http``: the sections on
HTTP return codes of https://developers.binance.com/docs/binance-spot-api-docs/rest-api/http-return-codes and
https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info.
"""

from __future__ import annotations

from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, LIMITED, AWAY, CREDENTIALS, UNKNOWN = "EXI-001", "EXI-002", "EXI-003", "EXI-004", "EXI-005"
FUNDS, INVALID, SLIPPAGE, UNSUPPORTED, CLOCK = "EXI-006", "EXI-007", "EXI-011", "EXI-013", "EXI-015"

VERDICTS = Verdicts(
    (
        # --- neither success nor rejection
        Row(("-1000",), "unknown", UNKNOWN, "spot: an unknown error occurred while processing the request"),
        Row(("-1001",), "unknown", UNKNOWN, "spot: internal error, unable to process the request; http: 5XX"),
        Row(("-1006",), "unknown", UNKNOWN, "spot: unexpected response from the bus, execution status unknown"),
        Row(("-1007",), "unknown", UNKNOWN, "spot: timeout, send status unknown, execution status unknown"),
        Row(("HTTP 408",), "unknown", UNKNOWN, "http: a timeout while waiting for the backend (futures)"),
        # --- nothing was done, and the same may be sent again
        Row(("-1003", "HTTP 429", "HTTP 418"), "not_sent", LIMITED, "spot: too many requests; http: 429, 418 a ban"),
        Row(("-1015",), "not_sent", LIMITED, "spot: too many new orders"),
        Row(("HTTP 403",), "not_sent", LIMITED, "http: the firewall's limit was violated"),
        Row(("-1008",), "not_sent", AWAY, "futures: throttled by system-level protection, a failure", "throttled"),
        Row(("-1008",), "unknown", UNKNOWN, "spot: the server is overloaded; not said: whether it acted"),
        Row(("-1016",), "not_sent", AWAY, "spot: the service is no longer available"),
        Row(("-1021",), "not_sent", CLOCK, "spot: the timestamp is 1000ms ahead of the server's time", "ahead"),
        Row(("-1021",), "not_sent", FAILED, "spot: the timestamp is outside of the recvWindow"),
        # --- it is there already, or it isn't
        Row(("-2010",), "duplicate", UNKNOWN, "spot: duplicate order sent", "duplicate"),
        Row(("-4116",), "duplicate", UNKNOWN, "futures: ClientOrderId is duplicated"),
        Row(("-2013",), "no_such_order", UNKNOWN, "spot, futures: order does not exist"),
        Row(("-2011",), "not_open", UNKNOWN, "spot, futures: cancel rejected, unknown order sent"),
        Row(("-2026",), "unknown", UNKNOWN, "spot: the order was archived, more than 90 days ago"),
        # --- nothing was done, and nothing will be
        Row(
            ("-1002", "-2014", "-2015", "-1022", "HTTP 401"), "refused", CREDENTIALS, "spot: key, signature, right, IP"
        ),
        Row(("-2010",), "refused", FUNDS, "spot: account has insufficient balance", "insufficient balance"),
        Row(("-2010",), "refused", CREDENTIALS, "spot: this action is disabled on this account", "disabled on this"),
        Row(("-2010",), "refused", INVALID, "spot: a LIMIT_MAKER would immediately match", "immediately match"),
        Row(("-2010",), "refused", FAILED, "spot: new order rejected, for another reason (market closed, …)"),
        Row(("-2018", "-2019"), "refused", FUNDS, "futures: balance not sufficient, margin not sufficient"),
        Row(("-4118",), "refused", FUNDS, "futures: reduce-only order, margin check failed"),
        Row(("-2020", "-5021"), "refused", SLIPPAGE, "futures: unable to fill; an FOK order can't be filled at once"),
        Row(("-2022", "-5022"), "refused", INVALID, "futures: reduce-only rejected; a post-only order would take"),
        Row(("-2023",), "refused", FAILED, "futures: the user is in liquidation mode"),
        Row(("-2025", "-2027", "-2028"), "refused", FAILED, "futures: too many open orders, or too large a position"),
        Row(("-1013",), "refused", INVALID, "spot: a filter failure (LOT_SIZE, PRICE_FILTER, NOTIONAL, …)"),
        Row(("-1014", "-1020"), "refused", UNSUPPORTED, "spot: unknown order composition, unsupported operation"),
        Row(
            tuple(f"-{number}" for number in range(1100, 1132)),
            "refused",
            INVALID,
            "spot, futures: the 11xx series, request issues: a parameter is missing, malformed or not allowed",
        ),
        Row(("-4061",), "refused", INVALID, "futures: the order's position side does not match the user's setting"),
        Row(
            tuple(f"-{number}" for number in (*range(4001, 4006), *range(4013, 4017), 4023, 4024, 4131, 4164)),
            "refused",
            INVALID,
            "futures: the 40xx series, filters: price, quantity, step, client order id, percent price, notional",
        ),
        # --- a status alone
        Row(
            ("HTTP 500", "HTTP 502", "HTTP 503", "HTTP 504"),
            "unknown",
            UNKNOWN,
            "http: 5XX is an internal error; do not treat it as a failure, the execution status is unknown",
        ),
    )
)
