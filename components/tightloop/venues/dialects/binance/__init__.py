"""Binance's REST dialect, spot and USD-M futures, as its documentation describes it and ccxt calls it.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/rest-api (errors: .../errors) and
https://developers.binance.com/docs/derivatives/usds-margined-futures (errors: .../error-code).
"""

from tightloop.venues import binance
from tightloop.venues.dialects.binance.dialect import Binance
from tightloop.venues.dialects.serving import StandIn

LONGEST_WINDOW_S = 60.0  # the request's own recvWindow decides, and is at most that
STAND_IN = StandIn(spec=binance.SPEC, exchange=binance.settings(binance.SPEC.name, LONGEST_WINDOW_S), dialect=Binance)
