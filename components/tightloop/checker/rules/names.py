"""Position keys with the account's name (``binance@desk:BaseToken:BTC``) and without, as the books have them."""

from __future__ import annotations


def is_transit(key: str) -> bool:
    """Money under way between two accounts: in no venue's books."""
    return key.startswith("transit:")


def plain(key: str) -> str:
    venue, _, rest = key.partition(":")
    return f"{venue.partition('@')[0]}:{rest}"


def qualified(key: str, account: str, strategy_id: str) -> str:
    """As the strategy's own books name it: without the account's name where it is the strategy's default one."""
    if account == strategy_id:
        return key
    venue, _, rest = key.partition(":")
    return f"{venue}@{account}:{rest}"
