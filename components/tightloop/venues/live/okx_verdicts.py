"""What OKX's refusals mean.

Source of each row: the section "Error Code" of https://www.okx.com/docs-v5/en, by its part (``rest``: general and API
class; ``trade``: trade class).
"""

from __future__ import annotations

from tightloop.venues.live.verdicts import Row, Verdicts

FAILED, LIMITED, AWAY, CREDENTIALS, UNKNOWN = "EXI-001", "EXI-002", "EXI-003", "EXI-004", "EXI-005"
FUNDS, INVALID, SLIPPAGE, UNSUPPORTED, CLOCK = "EXI-006", "EXI-007", "EXI-011", "EXI-013", "EXI-015"


def _numbers(*given: int | range) -> tuple[str, ...]:
    return tuple(str(one) for part in given for one in (part if isinstance(part, range) else (part,)))


VERDICTS = Verdicts(
    (
        # --- neither success nor rejection
        Row(("50001",), "unknown", UNKNOWN, "rest: the service is unavailable; not said: whether it acted"),
        Row(("50004",), "unknown", UNKNOWN, "rest: endpoint timeout, does not mean success or failure"),
        Row(("50005", "50013", "50026"), "unknown", UNKNOWN, "rest: offline, system busy, system error"),
        Row(("51149", "51054"), "unknown", UNKNOWN, "trade: order timed out; request timed out"),
        Row(("51405",), "unknown", UNKNOWN, "trade: the order does not exist or may be filled, in a cancel of many"),
        # --- nothing was done, and the same may be sent again
        Row(("50011", "50061", "HTTP 429"), "not_sent", LIMITED, "rest: requests too frequent; of an account"),
        Row(("50040",), "not_sent", LIMITED, "rest: too frequent operations"),
        Row(("50102", "50112"), "not_sent", FAILED, "rest: timestamp request expired, invalid timestamp"),
        Row(("50036",), "not_sent", FAILED, "rest: the expTime can't be earlier than the current system time"),
        Row(("50037",), "not_sent", FAILED, "rest: the order expired, by its expTime"),
        # --- it is there already, or it isn't
        Row(("51016",), "duplicate", UNKNOWN, "trade: client order ID already exists"),
        Row(("51603",), "no_such_order", UNKNOWN, "trade: order does not exist"),
        Row(
            ("51400", "51401", "51402", "51410"),
            "not_open",
            UNKNOWN,
            "trade: a cancel failed: over, or being cancelled",
        ),
        # --- nothing was done, and nothing will be
        Row(
            (*_numbers(range(50100, 50102), range(50103, 50112), range(50113, 50115)), "HTTP 401"),
            "refused",
            CREDENTIALS,
            "rest: key, passphrase, signature, environment, IP",
        ),
        Row(("50120", "50030", "50007", "50008", "50027"), "refused", CREDENTIALS, "rest: no permission; blocked"),
        Row(_numbers(51008, 51119, 51127, 51131), "refused", FUNDS, "trade: insufficient balance or margin"),
        Row(("51010", "51000"), "refused", INVALID, "trade: not in this account mode; a parameter"),
        Row(("50000", "50002", "50006", "50014", "50015", "50016", "50024"), "refused", INVALID, "rest: a parameter"),
        Row(
            _numbers(range(51001, 51008), 51011, 51012, 51014, 51015, 51020, 51023),
            "refused",
            INVALID,
            "trade: instrument, price out of the limit, amount",
        ),
        Row(_numbers(range(51100, 51113), range(51115, 51119)), "refused", INVALID, "trade: amounts"),
        Row(
            _numbers(range(51120, 51127), range(51128, 51131), range(51132, 51140)),
            "refused",
            INVALID,
            "trade: amounts, prices, reduce-only",
        ),
        Row(_numbers(51169, 51170, range(51201, 51206)), "refused", INVALID, "trade: reduce-only, market orders' size"),
        Row(_numbers(range(51021, 51023), range(51027, 51031)), "refused", FAILED, "trade: not tradable at present"),
        Row(_numbers(51009, 51024, 51025, 51155, 51174), "refused", FAILED, "trade: blocked, too many orders"),
        Row(("51403", "51404"), "refused", UNSUPPORTED, "trade: cannot be cancelled"),
        # --- a status alone
        Row(
            ("HTTP 500", "HTTP 502", "HTTP 503", "HTTP 504"),
            "unknown",
            UNKNOWN,
            "a gateway's error: whether the request was carried out is not said",
        ),
    )
)
