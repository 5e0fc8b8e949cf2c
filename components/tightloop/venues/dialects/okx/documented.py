"""The documented endpoints of OKX that this dialect has, with all parameters that their sections list."""

from __future__ import annotations

from tightloop.venues.dialects.documents import Endpoint, Security, endpoint

_DOCS = "https://www.okx.com/docs-v5/en"
_KIND = "SPOT|MARGIN|SWAP|FUTURES|OPTION"
_PAGED = "after:integer before:integer limit:integer"
_ORDER_KINDS = "market|limit|post_only|fok|ioc|optimal_limit_ioc|mmp|mmp_and_post_only|elp"
_NEW = (
    "instId! tdMode!=cash|cross|isolated|spot_isolated ccy clOrdId tag side!=buy|sell posSide=net|long|short "
    f"ordType!={_ORDER_KINDS} sz!:decimal px:decimal pxUsd pxVol reduceOnly:flag tgtCcy=base_ccy|quote_ccy "
    "banAmend:flag pxAmendType=0|1 tradeQuoteCcy stpMode=cancel_maker|cancel_taker|cancel_both attachAlgoOrds "
    "isElpTakerAccess:flag"
)


_BILLS = (
    f"instType={_KIND} instId ccy mgnMode=isolated|cross ctType=linear|inverse type subType begin:integer "
    f"end:integer {_PAGED}"
)


def _at(name: str, security: Security, parameters: str, section: str, one_of: str = "") -> Endpoint:
    method, _, path = name.partition(" ")
    return endpoint(f"{method} /api/v5/{path}", security, parameters, f"{_DOCS}/#{section}", one_of)


ENDPOINTS = (
    _at("GET public/time", "none", "", "public-data-rest-api-get-system-time"),
    _at(
        "GET public/instruments",
        "none",
        f"instType!={_KIND} seriesId instFamily instId uly",
        "public-data-rest-api-get-instruments",
    ),
    _at("GET public/funding-rate", "none", "instId!", "public-data-rest-api-get-funding-rate"),
    _at(
        "GET public/mark-price",
        "none",
        "instType=MARGIN|SWAP|FUTURES|OPTION uly instFamily instId",  # asked without ``instType`` it answers, too
        "public-data-rest-api-get-mark-price",
        one_of="instType instId",
    ),
    _at(
        "GET public/funding-rate-history",
        "none",
        f"instId! {_PAGED}",
        "public-data-rest-api-get-funding-rate-history",
    ),
    _at("GET system/status", "none", "state", "status-get-status"),
    _at("GET market/trades", "none", "instId! limit:integer", "order-book-trading-market-data-get-trades"),
    _at("GET market/ticker", "none", "instId!", "order-book-trading-market-data-get-ticker"),
    _at(
        "GET market/tickers", "none", f"instType!={_KIND} uly instFamily", "order-book-trading-market-data-get-tickers"
    ),
    _at("GET market/books", "none", "instId! sz:integer", "order-book-trading-market-data-get-order-book"),
    _at("GET market/candles", "none", f"instId! bar {_PAGED}", "order-book-trading-market-data-get-candlesticks"),
    _at("POST trade/order", "trade", _NEW, "order-book-trading-trade-post-place-order"),
    _at("POST trade/batch-orders", "trade", _NEW, "order-book-trading-trade-post-place-multiple-orders"),
    _at("POST trade/cancel-order", "trade", "instId! ordId clOrdId", "order-book-trading-trade-post-cancel-order"),
    _at(
        "POST trade/cancel-batch-orders",
        "trade",
        "instId! ordId clOrdId",
        "order-book-trading-trade-post-cancel-multiple-orders",
    ),
    _at(
        "POST trade/amend-order",
        "trade",
        "instId! cxlOnFail:flag ordId clOrdId reqId newSz:decimal newPx:decimal newPxUsd newPxVol pxAmendType=0|1 "
        "attachAlgoOrds",
        "order-book-trading-trade-post-amend-order",
    ),
    _at("GET trade/order", "read", "instId! ordId clOrdId", "order-book-trading-trade-get-order-details"),
    _at(
        "GET trade/orders-pending",
        "read",
        f"instType={_KIND} uly instFamily instId ordType state=live|partially_filled {_PAGED}",
        "order-book-trading-trade-get-order-list",
    ),
    _at(
        "GET trade/orders-history",
        "read",
        f"instType!={_KIND} uly instFamily instId ordType state=canceled|filled|mmp_canceled category begin:integer "
        f"end:integer {_PAGED}",
        "order-book-trading-trade-get-order-history-last-7-days",
    ),
    _at(
        "GET trade/fills",
        "read",
        f"instType={_KIND} uly instFamily instId ordId subType begin:integer end:integer {_PAGED}",
        "order-book-trading-trade-get-transaction-details-last-3-days",
    ),
    _at(
        "GET trade/fills-history",
        "read",
        f"instType!={_KIND} uly instFamily instId ordId subType begin:integer end:integer {_PAGED}",
        "order-book-trading-trade-get-transaction-details-last-3-months",
    ),
    _at("GET account/balance", "read", "ccy", "trading-account-rest-api-get-balance"),
    _at("GET account/positions", "read", f"instType={_KIND} instId posId", "trading-account-rest-api-get-positions"),
    _at("GET account/config", "read", "", "trading-account-rest-api-get-account-configuration"),
    _at(
        "POST account/set-position-mode",
        "trade",
        "posMode!=net_mode|long_short_mode",
        "trading-account-rest-api-set-position-mode",
    ),
    _at(
        "POST account/set-leverage",
        "trade",
        "instId ccy lever!:decimal mgnMode!=isolated|cross posSide=net|long|short",
        "trading-account-rest-api-set-leverage",
    ),
    _at(
        "GET account/leverage-info",
        "read",
        "instId! ccy mgnMode!=isolated|cross",
        "trading-account-rest-api-get-leverage",
    ),
    _at(
        "GET account/trade-fee",
        "read",
        f"instType!={_KIND} instId uly instFamily ruleType groupId",
        "trading-account-rest-api-get-fee-rates",
    ),
    _at("GET account/bills", "read", _BILLS, "trading-account-rest-api-get-bills-details-last-7-days"),
    _at("GET account/bills-archive", "read", _BILLS, "trading-account-rest-api-get-bills-details-last-3-months"),
    _at("GET asset/balances", "read", "ccy", "funding-account-rest-api-get-balance"),
    _at("GET asset/currencies", "read", "ccy", "funding-account-rest-api-get-currencies"),
    _at(
        "POST asset/transfer",
        "trade",
        "type=0|1|2|3|4 ccy! amt!:decimal from!=6|18 to!=6|18 subAcct loanTrans:flag omitPosRisk:flag clientId",
        "funding-account-rest-api-funds-transfer",
    ),
    _at(
        "GET asset/transfer-state",
        "read",
        "transId clientId type=0|1|2|3|4",
        "funding-account-rest-api-get-funds-transfer-state",
    ),
    _at(
        "POST asset/withdrawal",
        "withdraw",
        "ccy! amt!:decimal dest!=3|4 toAddr! toAddrType=1|2 chain areaCode rcvrInfo clientId",
        "funding-account-rest-api-withdrawal",
    ),
    _at(
        "GET asset/withdrawal-history",
        "read",
        f"ccy wdId clientId txId type=3|4 state {_PAGED}",
        "funding-account-rest-api-get-withdrawal-history",
    ),
    _at(
        "GET asset/deposit-history",
        "read",
        f"ccy depId fromWdId txId type=3|4 state {_PAGED}",
        "funding-account-rest-api-get-deposit-history",
    ),
    _at("GET asset/deposit-address", "read", "ccy!", "funding-account-rest-api-get-deposit-address"),
)
