"""What Bybit's refusals mean.

Sources, by the name in each row: ``errors``: https://bybit-exchange.github.io/docs/v5/error; ``limits``:
https://bybit-exchange.github.io/docs/v5/rate-limit.
"""

from __future__ import annotations

from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, LIMITED, AWAY, CREDENTIALS, UNKNOWN = "EXI-001", "EXI-002", "EXI-003", "EXI-004", "EXI-005"
FUNDS, INVALID, SLIPPAGE, UNSUPPORTED, CLOCK = "EXI-006", "EXI-007", "EXI-011", "EXI-013", "EXI-015"
NO_SUCH_ORDER = "110001"

VERDICTS = Verdicts(
    (
        # --- neither success nor rejection
        Row(("10000",), "unknown", UNKNOWN, "errors: server timeout"),
        Row(("10016",), "unknown", UNKNOWN, "errors: server error"),
        Row(("10019",), "unknown", UNKNOWN, "errors: ip matched, the service is restarting"),
        Row(("10429",), "not_sent", LIMITED, "errors: system level frequency protection"),
        Row(("170007",), "unknown", UNKNOWN, "errors: timeout waiting for a response from the backend server"),
        Row(("170001", "170032", "170346"), "unknown", UNKNOWN, "errors: internal error, network error"),
        Row(("170146",), "unknown", UNKNOWN, "errors: order creation timeout"),
        Row(("170147",), "unknown", UNKNOWN, "errors: order cancellation timeout"),
        # --- nothing was done, and the same may be sent again
        Row(
            ("10006", "10018", "403", "HTTP 403", "HTTP 429"),
            "not_sent",
            LIMITED,
            "limits: too many visits, of a UID or an IP",
        ),
        Row(("170005",), "not_sent", LIMITED, "errors: too many new orders"),
        Row(("10002",), "not_sent", CLOCK, "errors: the request time exceeds the time window range", "ahead"),
        Row(("10002",), "not_sent", FAILED, "errors: the request time exceeds the time window range"),
        # --- it is there already, or it isn't
        Row(("110072", "170141"), "duplicate", UNKNOWN, "errors: OrderLinkedID is duplicate; duplicate clientOrderId"),
        Row((NO_SUCH_ORDER, "170213"), "no_such_order", UNKNOWN, "errors: order does not exist"),
        Row(
            ("110008", "110010", "170142", "170143"),
            "not_open",
            UNKNOWN,
            "errors: order has been finished or cancelled",
        ),
        Row(("170139",), "not_open", UNKNOWN, "errors: order has been filled"),
        # --- nothing was done, and nothing will be
        Row(
            ("10003", "10004", "10005", "10007", "10009", "10010", "33004", "HTTP 401"),
            "refused",
            CREDENTIALS,
            "errors: API key invalid, sign error, permission denied, unmatched IP, key expired",
        ),
        Row(("10008", "10024", "10027", "10029"), "refused", CREDENTIALS, "errors: banned, compliance, not allowed"),
        Row(("10020", "10028", "110067"), "refused", UNSUPPORTED, "errors: the account is not a unified one, or is"),
        Row(("10001", "10017"), "refused", INVALID, "errors: request parameter error; route not found"),
        Row(
            ("110004", "110006", "110007", "110012", "110014", "110044", "110045", "110051", "110052", "110053"),
            "refused",
            FUNDS,
            "errors: wallet, available and margin balance are insufficient",
        ),
        Row(("170131", "170033", "170344"), "refused", FUNDS, "errors: balance insufficient; margin insufficient"),
        Row(
            ("110003", "110017", "110094", "110032"), "refused", INVALID, "errors: price, reduce-only, minimum, illegal"
        ),
        Row(
            ("110009", "110020", "110021", "110016"), "refused", FAILED, "errors: too many orders, too large a position"
        ),
        Row(
            ("110023", "110063", "110066", "110042"), "refused", FAILED, "errors: not available for trading at present"
        ),
        Row(("110028", "110029", "110024"), "refused", INVALID, "errors: position mode"),
        Row(
            tuple(str(number) for number in (*range(170115, 170131), *range(170132, 170139), 170140)),
            "refused",
            INVALID,
            "errors: the 1701xx series of spot orders: type, side, id, price, quantity, value, precision",
        ),
        Row(
            ("170148", "170149", "170151", "170190"), "refused", INVALID, "errors: decimals, no such market, place rule"
        ),
        Row(("170193", "170194"), "refused", INVALID, "errors: the price is beyond what is allowed"),
        Row(
            ("170210", "170217", "170218", "170219", "170224", "170229", "170234"),
            "refused",
            FAILED,
            "errors: rejected",
        ),
        # --- a status alone
        Row(
            ("HTTP 500", "HTTP 502", "HTTP 503", "HTTP 504"),
            "unknown",
            UNKNOWN,
            "a gateway's error: whether the request was carried out is not said",
        ),
    )
)
