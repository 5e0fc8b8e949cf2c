"""Bybit's v5 REST dialect, spot and linear perpetuals of the unified account, as its documentation describes it and
ccxt calls it.

Source: https://bybit-exchange.github.io/docs/v5 (errors: .../error, words: .../enum).
"""

from msgspec.structs import replace

from tightloop.venues import bybit
from tightloop.venues.dialects.bybit.dialect import Bybit
from tightloop.venues.dialects.serving import StandIn

LONGEST_WINDOW_S = 60.0  # the request's own recv_window decides; Bybit documents no longest one
STAND_IN = StandIn(
    spec=bybit.SPEC,
    exchange=replace(bybit.settings(bybit.SPEC.name, LONGEST_WINDOW_S), ids_once=True, post_only_ends=True),
    dialect=Bybit,
)
