"""The documented endpoints of Bybit that this dialect has, with all parameters that their pages list."""

from __future__ import annotations

from tightloop.venues.dialects.documents import Endpoint, Security, endpoint

_DOCS = "https://bybit-exchange.github.io/docs/v5"
_CATEGORY = "category!=spot|linear|inverse|option"
_CONTRACTS = "category!=linear|inverse|option"
_INTERVALS = "1|3|5|15|30|60|120|240|360|720|D|W"  # and M, which is no fixed length and is not to be had here
_PAGED = "limit:integer cursor"
_TIMES = "startTime:integer endTime:integer"
_FILTER = "orderFilter=Order|StopOrder|tpslOrder|OcoOrder|BidirectionalTpslOrder"
_EITHER = "orderId orderLinkId"
_TRIGGERS = "LastPrice|IndexPrice|MarkPrice"
_LIMITS = f"tpTriggerBy={_TRIGGERS} slTriggerBy={_TRIGGERS} tpLimitPrice:decimal slLimitPrice:decimal"
_NEW = (
    f"{_CATEGORY} symbol! isLeverage:integer=0|1 side!=Buy|Sell orderType!=Market|Limit qty!:decimal "
    "marketUnit=baseCoin|quoteCoin slippageToleranceType=TickSize|Percent slippageTolerance:decimal price:decimal "
    f"triggerDirection:integer=1|2 {_FILTER} triggerPrice:decimal triggerBy={_TRIGGERS} orderIv:decimal "
    "timeInForce=GTC|IOC|FOK|PostOnly positionIdx:integer=0|1|2 orderLinkId takeProfit:decimal stopLoss:decimal "
    f"{_LIMITS} reduceOnly:flag closeOnTrigger:flag smpType=None|CancelMaker|CancelTaker|CancelBoth mmp:flag "
    "tpslMode=Full|Partial tpOrderType=Market|Limit slOrderType=Market|Limit bboSideType=Queue|Counterparty "
    "bboLevel=1|2|3|4|5"
)
_STATUSES = "New|PartiallyFilled|Untriggered|Rejected|PartiallyFilledCanceled|Filled|Cancelled|Triggered|Deactivated"


def _at(name: str, security: Security, parameters: str, page: str, one_of: str = "") -> Endpoint:
    return endpoint(name, security, parameters, f"{_DOCS}/{page}", one_of)


_PUBLIC = (
    _at("GET /v5/market/time", "none", "", "market/time"),
    _at(
        "GET /v5/market/instruments-info",
        "none",
        f"{_CATEGORY} symbol symbolType status baseCoin {_PAGED}",
        "market/instrument",
    ),
    _at("GET /v5/market/tickers", "none", f"{_CATEGORY} symbol baseCoin expDate", "market/tickers"),
    _at("GET /v5/market/orderbook", "none", f"{_CATEGORY} symbol! limit:integer", "market/orderbook"),
    _at(
        "GET /v5/market/kline",
        "none",
        f"category=spot|linear|inverse symbol! interval!={_INTERVALS} start:integer end:integer limit:integer",
        "market/kline",
    ),
    _at(
        "GET /v5/market/funding/history",
        "none",
        f"category!=linear|inverse symbol! {_TIMES} limit:integer",
        "market/history-fund-rate",
    ),
)
_ORDERS = (
    _at("POST /v5/order/create", "trade", _NEW, "order/create-order"),
    _at(
        "POST /v5/order/amend",
        "trade",
        f"{_CATEGORY} symbol! {_EITHER} orderIv:decimal triggerPrice:decimal qty:decimal price:decimal "
        f"tpslMode=Full|Partial takeProfit:decimal stopLoss:decimal triggerBy={_TRIGGERS} {_LIMITS}",
        "order/amend-order",
        _EITHER,
    ),
    _at("POST /v5/order/cancel", "trade", f"{_CATEGORY} symbol! {_EITHER} {_FILTER}", "order/cancel-order", _EITHER),
    _at(
        "POST /v5/order/cancel-all",
        "trade",
        f"{_CATEGORY} symbol baseCoin settleCoin {_FILTER}|OpenOrder stopOrderType=Stop",
        "order/cancel-all",
    ),
    _at(
        "GET /v5/order/realtime",
        "read",
        f"{_CATEGORY} symbol baseCoin settleCoin {_EITHER} openOnly:integer=0|1|2 {_FILTER} {_PAGED}",
        "order/open-order",
    ),
    _at(
        "GET /v5/order/history",
        "read",
        f"{_CATEGORY} symbol baseCoin settleCoin {_EITHER} {_FILTER} orderStatus={_STATUSES} {_TIMES} {_PAGED}",
        "order/order-list",
    ),
    _at(
        "GET /v5/execution/list",
        "read",
        f"{_CATEGORY} symbol {_EITHER} baseCoin {_TIMES} execType {_PAGED}",
        "order/execution",
    ),
)
_ACCOUNT = (
    _at("GET /v5/account/wallet-balance", "read", "accountType! coin", "account/wallet-balance"),
    _at("GET /v5/account/info", "read", "", "account/account-info"),
    _at("GET /v5/account/fee-rate", "read", f"{_CATEGORY} symbol baseCoin", "account/fee-rate"),
    _at(
        "GET /v5/account/transaction-log",
        "read",
        f"accountType category=spot|linear|inverse|option currency baseCoin type transSubType {_TIMES} {_PAGED}",
        "account/transaction-log",
    ),
    _at("GET /v5/position/list", "read", f"{_CONTRACTS} symbol baseCoin settleCoin {_PAGED}", "position/position-info"),
    _at(
        "POST /v5/position/set-leverage",
        "trade",
        "category!=linear|inverse symbol! buyLeverage!:decimal sellLeverage!:decimal",
        "position/leverage",
    ),
    _at(
        "POST /v5/position/switch-mode",
        "trade",
        "category!=linear|inverse symbol coin mode!:integer=0|3",
        "position/position-mode",
    ),
    _at("GET /v5/user/query-api", "read", "", "user/apikey-info"),
    _at("GET /v5/asset/coin/query-info", "read", "coin", "asset/coin-info"),
)
_WALLET = (
    _at(
        "POST /v5/asset/withdraw/create",
        "withdraw",
        "coin! chain address! tag amount!:decimal timestamp!:integer forceChain:integer=0|1|2 "
        "accountType!=FUND|UTA|FUND,UTA|SPOT feeType:integer=0|1 requestId beneficiary",
        "asset/withdraw",
    ),
    _at(
        "GET /v5/asset/withdraw/query-record",
        "read",
        f"withdrawID txID coin withdrawType:integer=0|1|2 {_TIMES} {_PAGED}",
        "asset/withdraw/withdraw-record",
    ),
    _at(
        "GET /v5/asset/deposit/query-record",
        "read",
        f"id txID coin {_TIMES} {_PAGED}",
        "asset/deposit/deposit-record",
    ),
    _at("GET /v5/asset/deposit/query-address", "read", "coin! chainType", "asset/deposit/master-deposit-addr"),
)

ENDPOINTS = (*_PUBLIC, *_ORDERS, *_ACCOUNT, *_WALLET)
