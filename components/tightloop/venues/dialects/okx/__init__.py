"""OKX's v5 REST dialect, spot and linear perpetuals of the trading account, as its documentation describes it and ccxt
calls it.

Source: https://www.okx.com/docs-v5/en (errors: section "Error Code").
"""

from msgspec.structs import replace

from tightloop.venues import okx
from tightloop.venues.dialects.okx.dialect import Okx
from tightloop.venues.dialects.okx.signing import TAKEN_FOR_S
from tightloop.venues.dialects.serving import StandIn

STAND_IN = StandIn(
    spec=okx.SPEC,
    exchange=replace(
        okx.settings(okx.SPEC.name, TAKEN_FOR_S), ahead_window_s=TAKEN_FOR_S, post_only_ends=True, funding=True
    ),
    dialect=Okx,
    passphrase=True,
)
