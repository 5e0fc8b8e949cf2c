"""Binance's REST dialect, spot and USD-M futures, as its documentation describes it and ccxt calls it.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/rest-api (errors: .../errors) and
https://developers.binance.com/docs/derivatives/usds-margined-futures (errors: .../error-code).
"""
