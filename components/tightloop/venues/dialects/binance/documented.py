"""Binance's documented endpoints, their parameters and who may ask: what the sandbox checks each request against.

Names, kinds and enumerations are those of Binance's own pages, which each row names, as of 2025. Every signed request
has ``timestamp`` and ``signature`` as well, and may have ``recvWindow``.
"""

from __future__ import annotations

from tightloop.venues.dialects.documents import Endpoint, Security, endpoint

_SPOT = "https://developers.binance.com/docs/binance-spot-api-docs/rest-api"
_FUTURES = "https://developers.binance.com/docs/derivatives/usds-margined-futures"
_WALLET = "https://developers.binance.com/docs/wallet"
_MARGIN = "https://developers.binance.com/docs/margin_trading"
_SIGNED = "timestamp!:integer signature! recvWindow:decimal"
_SIDE = "side!=BUY|SELL"
_STP = "selfTradePreventionMode=NONE|EXPIRE_TAKER|EXPIRE_MAKER|EXPIRE_BOTH|DECREMENT|TRANSFER"
_MATCH = "priceMatch=NONE|OPPONENT|OPPONENT_5|OPPONENT_10|OPPONENT_20|QUEUE|QUEUE_5|QUEUE_10|QUEUE_20"
_INTERVALS = "1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M"
_SPOT_NEW = (
    f"symbol! {_SIDE} type!=LIMIT|MARKET|STOP_LOSS|STOP_LOSS_LIMIT|TAKE_PROFIT|TAKE_PROFIT_LIMIT|LIMIT_MAKER "
    "timeInForce=GTC|IOC|FOK quantity:decimal quoteOrderQty:decimal price:decimal newClientOrderId strategyId:integer "
    "strategyType:integer stopPrice:decimal trailingDelta:integer icebergQty:decimal newOrderRespType=ACK|RESULT|FULL "
    f"{_STP} pegPriceType=PRIMARY_PEG|MARKET_PEG pegOffsetValue:integer pegOffsetType=PRICE_LEVEL"
)
_FUTURES_NEW = (
    f"symbol! {_SIDE} positionSide=BOTH|LONG|SHORT "
    "type!=LIMIT|MARKET|STOP|STOP_MARKET|TAKE_PROFIT|TAKE_PROFIT_MARKET|TRAILING_STOP_MARKET "
    "timeInForce=GTC|IOC|FOK|GTX|GTD|RPI quantity:decimal reduceOnly:flag price:decimal newClientOrderId "
    "stopPrice:decimal closePosition:flag activationPrice:decimal callbackRate:decimal "
    "workingType=MARK_PRICE|CONTRACT_PRICE priceProtect:flag newOrderRespType=ACK|RESULT "
    f"{_MATCH} {_STP} goodTillDate:integer"
)
_ORDER_ID = "symbol! orderId:integer origClientOrderId"
_EITHER = "orderId origClientOrderId"
_PAGED = "startTime:integer endTime:integer limit:integer"
_TICKER = "symbol symbols symbolStatus=TRADING|HALT|BREAK"


def _spot(name: str, security: Security, parameters: str, page: str, one_of: str = "") -> Endpoint:
    return _signed(name, security, parameters, f"{_SPOT}/{page}", one_of)


def _futures(name: str, security: Security, parameters: str, page: str, one_of: str = "") -> Endpoint:
    return _signed(name, security, parameters, f"{_FUTURES}/{page}", one_of)


def _signed(name: str, security: Security, parameters: str, source: str, one_of: str = "") -> Endpoint:
    return endpoint(name, security, parameters if security == "none" else f"{parameters} {_SIGNED}", source, one_of)


_SPOT_ENDPOINTS = (
    _spot("GET /api/v3/ping", "none", "", "general-endpoints#test-connectivity"),
    _spot("GET /api/v3/time", "none", "", "general-endpoints#check-server-time"),
    _spot(
        "GET /api/v3/exchangeInfo",
        "none",
        "symbol symbols permissions showPermissionSets:flag symbolStatus=TRADING|HALT|BREAK",
        "general-endpoints#exchange-information",
    ),
    _spot("GET /api/v3/depth", "none", "symbol! limit:integer symbolStatus", "market-data-endpoints#order-book"),
    _spot(
        "GET /api/v3/klines",
        "none",
        f"symbol! interval!={_INTERVALS} timeZone {_PAGED}",
        "market-data-endpoints#klinecandlestick-data",
    ),
    _spot("GET /api/v3/ticker/24hr", "none", f"{_TICKER} type=FULL|MINI", "market-data-endpoints"),
    _spot("GET /api/v3/ticker/price", "none", _TICKER, "market-data-endpoints#symbol-price-ticker"),
    _spot("GET /api/v3/ticker/bookTicker", "none", _TICKER, "market-data-endpoints#symbol-order-book-ticker"),
    _spot("POST /api/v3/order", "trade", _SPOT_NEW, "trading-endpoints#new-order-trade"),
    _spot("POST /api/v3/order/test", "trade", f"{_SPOT_NEW} computeCommissionRates:flag", "trading-endpoints"),
    _spot(
        "POST /api/v3/order/cancelReplace",
        "trade",
        f"{_SPOT_NEW} cancelReplaceMode!=STOP_ON_FAILURE|ALLOW_FAILURE cancelNewClientOrderId cancelOrigClientOrderId "
        "cancelOrderId:integer cancelRestrictions=ONLY_NEW|ONLY_PARTIALLY_FILLED "
        "orderRateLimitExceededMode=DO_NOTHING|CANCEL_ONLY",
        "trading-endpoints#cancel-an-existing-order-and-send-a-new-order-trade",
        "cancelOrderId cancelOrigClientOrderId",
    ),
    _spot("GET /api/v3/order", "read", _ORDER_ID, "account-endpoints#query-order-user_data", _EITHER),
    _spot(
        "DELETE /api/v3/order",
        "trade",
        f"{_ORDER_ID} newClientOrderId cancelRestrictions=ONLY_NEW|ONLY_PARTIALLY_FILLED",
        "trading-endpoints#cancel-order-trade",
        _EITHER,
    ),
    _spot("DELETE /api/v3/openOrders", "trade", "symbol!", "trading-endpoints"),
    _spot("GET /api/v3/openOrders", "read", "symbol", "account-endpoints#current-open-orders-user_data"),
    _spot("GET /api/v3/allOrders", "read", f"symbol! orderId:integer {_PAGED}", "account-endpoints"),
    _spot("GET /api/v3/myTrades", "read", f"symbol! orderId:integer fromId:integer {_PAGED}", "account-endpoints"),
    _spot("GET /api/v3/account", "read", "omitZeroBalances:flag", "account-endpoints#account-information-user_data"),
    _spot("GET /api/v3/account/commission", "read", "symbol!", "account-endpoints#query-commission-rates-user_data"),
)

_FUTURES_ENDPOINTS = (
    _futures("GET /fapi/v1/ping", "none", "", "market-data/rest-api"),
    _futures("GET /fapi/v1/time", "none", "", "market-data/rest-api/Check-Server-Time"),
    _futures("GET /fapi/v1/exchangeInfo", "none", "", "market-data/rest-api/Exchange-Information"),
    _futures("GET /fapi/v1/depth", "none", "symbol! limit:integer", "market-data/rest-api/Order-Book"),
    _futures(
        "GET /fapi/v1/klines",
        "none",
        f"symbol! interval!={_INTERVALS} {_PAGED}",
        "market-data/rest-api/Kline-Candlestick-Data",
    ),
    _futures("GET /fapi/v1/ticker/24hr", "none", "symbol", "market-data/rest-api"),
    _futures("GET /fapi/v1/ticker/price", "none", "symbol", "market-data/rest-api/Symbol-Price-Ticker"),
    _futures("GET /fapi/v1/ticker/bookTicker", "none", "symbol", "market-data/rest-api"),
    _futures("GET /fapi/v1/premiumIndex", "none", "symbol", "market-data/rest-api/Mark-Price"),
    _futures("POST /fapi/v1/order", "trade", _FUTURES_NEW, "trade/rest-api/New-Order"),
    _futures("GET /fapi/v1/order", "read", _ORDER_ID, "trade/rest-api/Query-Order", _EITHER),
    _futures(
        "PUT /fapi/v1/order",
        "trade",
        f"{_ORDER_ID} {_SIDE} quantity!:decimal price:decimal {_MATCH}",
        "trade/rest-api/Modify-Order",
        _EITHER,
    ),
    _futures("DELETE /fapi/v1/order", "trade", _ORDER_ID, "trade/rest-api/Cancel-Order", _EITHER),
    _futures("DELETE /fapi/v1/allOpenOrders", "trade", "symbol!", "trade/rest-api/Cancel-All-Open-Orders"),
    _futures("GET /fapi/v1/openOrders", "read", "symbol", "trade/rest-api/Current-All-Open-Orders"),
    _futures("GET /fapi/v1/allOrders", "read", f"symbol! orderId:integer {_PAGED}", "trade/rest-api/All-Orders"),
    _futures(
        "GET /fapi/v1/userTrades",
        "read",
        f"symbol! orderId:integer fromId:integer {_PAGED}",
        "trade/rest-api/Account-Trade-List",
    ),
    _futures("GET /fapi/v1/positionSide/dual", "read", "", "account/rest-api/Get-Current-Position-Mode"),
    _futures("POST /fapi/v1/positionSide/dual", "trade", "dualSidePosition!:flag", "trade/rest-api"),
    _futures("GET /fapi/v1/multiAssetsMargin", "read", "", "account/rest-api"),
    _futures("POST /fapi/v1/leverage", "trade", "symbol! leverage!:integer", "trade/rest-api"),
    _futures("POST /fapi/v1/marginType", "trade", "symbol! marginType!=ISOLATED|CROSSED", "trade/rest-api"),
    _futures("GET /fapi/v1/leverageBracket", "read", "symbol", "account/rest-api"),
    _futures("GET /fapi/v1/symbolConfig", "read", "symbol", "account/rest-api/Symbol-Config"),
    _futures("GET /fapi/v1/feeBurn", "read", "", "account/rest-api/Get-BNB-Burn-Status"),
    _futures("POST /fapi/v1/feeBurn", "trade", "feeBurn!:flag", "account/rest-api/Toggle-BNB-Burn-On-Futures-Trade"),
    _futures("GET /fapi/v1/commissionRate", "read", "symbol!", "account/rest-api/User-Commission-Rate"),
    _futures("GET /fapi/v3/account", "read", "", "account/rest-api/Account-Information-V3"),
    _futures("GET /fapi/v3/balance", "read", "", "account/rest-api/Futures-Account-Balance-V3"),
    _futures("GET /fapi/v3/positionRisk", "read", "symbol", "trade/rest-api/Position-Information-V3"),
    *(
        endpoint(f"{method} /fapi/v1/listenKey", "key", "", f"{_FUTURES}/user-data-streams")
        for method in ("POST", "PUT", "DELETE")
    ),
    _futures(
        "GET /fapi/v1/income", "read", f"symbol incomeType page:integer {_PAGED}", "account/rest-api/Get-Income-History"
    ),
)

_OTHER_ENDPOINTS = (
    endpoint("GET /dapi/v1/exchangeInfo", "none", "", "https://developers.binance.com/docs/derivatives"),
    _signed("GET /sapi/v1/account/apiRestrictions", "read", "", f"{_WALLET}/account/api-key-permission"),
    _signed("GET /sapi/v1/capital/config/getall", "read", "", f"{_WALLET}/capital/all-coins-info"),
    _signed(
        "GET /sapi/v1/capital/deposit/address",
        "read",
        "coin! network amount:decimal",
        f"{_WALLET}/capital/deposite-address",
    ),
    _signed(
        "GET /sapi/v1/capital/deposit/hisrec",
        "read",
        f"includeSource:flag coin status:integer offset:integer txId {_PAGED}",
        f"{_WALLET}/capital/deposite-history",
    ),
    _signed(
        "POST /sapi/v1/capital/withdraw/apply",
        "withdraw",
        "coin! withdrawOrderId network address! addressTag amount!:decimal transactionFeeFlag:flag name "
        "walletType:integer=0|1",
        f"{_WALLET}/capital/withdraw",
    ),
    _signed(
        "GET /sapi/v1/capital/withdraw/history",
        "read",
        f"coin withdrawOrderId status:integer offset:integer idList {_PAGED}",
        f"{_WALLET}/capital/withdraw-history",
    ),
    _signed(
        "POST /sapi/v1/asset/transfer",
        "trade",
        "type! asset! amount!:decimal fromSymbol toSymbol",
        f"{_WALLET}/asset/user-universal-transfer",
    ),
    _signed(
        "GET /sapi/v1/asset/transfer",
        "read",
        "type! startTime:integer endTime:integer current:integer size:integer fromSymbol toSymbol",
        f"{_WALLET}/asset/query-user-universal-transfer",
    ),
    _signed("GET /sapi/v1/asset/tradeFee", "read", "symbol", f"{_WALLET}/asset/trade-fee"),
    _signed("GET /sapi/v1/bnbBurn", "read", "", f"{_MARGIN}/account/Get-BNB-Burn-Status"),
    _signed(
        "POST /sapi/v1/bnbBurn",
        "trade",
        "spotBNBBurn:flag interestBNBBurn:flag",
        f"{_WALLET}/asset/Toggle-BNB-Burn-On-Spot-Trade-And-Margin-Interest",
    ),
    _signed("GET /sapi/v1/margin/allPairs", "key", "symbol", f"{_MARGIN}/market-data"),
    _signed("GET /sapi/v1/margin/isolated/allPairs", "key", "symbol", f"{_MARGIN}/market-data"),
)

ENDPOINTS = (*_SPOT_ENDPOINTS, *_FUTURES_ENDPOINTS, *_OTHER_ENDPOINTS)
