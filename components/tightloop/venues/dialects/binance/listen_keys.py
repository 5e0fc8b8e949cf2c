"""Listen keys of the futures account: the same for an account until it is deleted, good for an hour after it was last
asked for.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

GOOD_FOR = timedelta(hours=1)


class ListenKeys:
    """Of the futures account, each with when it ends. They are not kept over a restart."""

    def __init__(self) -> None:
        self._by_account: dict[str, tuple[str, datetime]] = {}

    def extended(self, account: str, now: datetime) -> str:
        """The account's key, good for an hour from now on."""
        known, ends = self._by_account.get(account, ("", now))
        key = known if ends > now else secrets.token_urlsafe(48)
        self._by_account[account] = key, now + GOOD_FOR
        return key

    def is_good(self, account: str, now: datetime) -> bool:
        return account in self._by_account and self._by_account[account][1] > now

    def end(self, account: str) -> None:
        self._by_account.pop(account, None)

    def account_of(self, key: str, now: datetime) -> str | None:
        return next((who for who, (one, ends) in self._by_account.items() if one == key and ends > now), None)
