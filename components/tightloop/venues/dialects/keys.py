"""API keys of a local exchange: made at its first start, kept in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

READ, TRADE, WITHDRAW = "read", "trade", "withdraw"


class ApiKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``rights``: some of ``read``, ``trade``, ``withdraw``. ``account``: whose it is, in the exchange's books.
    ``passphrase``: where the exchange's keys have one; an account's keys share it. ``demo``: is it of demo trading, or
    of real money? None: it is taken in both, where an exchange tells them apart.
    """

    key: str
    secret: str
    account: str
    rights: tuple[str, ...]
    passphrase: str = ""
    demo: bool | None = None

    def part(self, variable: str) -> str:
        """What a variable of this name holds: key, secret or passphrase."""
        if variable.endswith("_PASSPHRASE"):
            return self.passphrase
        return self.secret if variable.endswith("_SECRET") else self.key

    def __repr__(self) -> str:
        return f"ApiKey(account={self.account!r}, rights={self.rights!r})"


class Keys:
    """The keys that an exchange knows."""

    def __init__(self, keys: list[ApiKey], path: Path | None = None) -> None:
        """``path``: where those that are added are kept, too."""
        self.all = list(keys)
        self._path = path
        self._by_key = {one.key: one for one in keys}

    def add(self, account: str, *, withdraws: bool = False, demo: bool | None = None) -> list[ApiKey]:
        """Two more, for a further account: see :func:`made`."""
        fresh = made(account, passphrase=any(one.passphrase for one in self.all), withdraws=withdraws).all
        fresh = [replace(one, demo=demo) for one in fresh]
        self.all += fresh
        self._by_key |= {one.key: one for one in fresh}
        if self._path is not None:
            _write(self._path, _text(self.all))
        return fresh

    def get(self, key: str) -> ApiKey | None:
        return self._by_key.get(key)


def made(account: str, *, passphrase: bool = False, withdraws: bool = False) -> Keys:
    """One key that may read and trade, and withdraw where that is asked for, and one that may only read."""
    words = secrets.token_hex(16) if passphrase else ""
    more = (WITHDRAW,) if withdraws else ()
    return Keys([_new(account, words, READ, TRADE, *more), _new(account, words, READ)])


def _new(account: str, passphrase: str, *rights: str) -> ApiKey:
    return ApiKey(
        key=secrets.token_hex(32),
        secret=secrets.token_hex(32),
        account=account,
        rights=rights,
        passphrase=passphrase,
    )


def kept(path: Path, account: str, *, passphrase: bool = False) -> Keys:
    """The keys in this file, which is made if there is none. Raises ValueError for a file that has none."""
    if not path.exists():
        _write(path, _text(made(account, passphrase=passphrase).all))
    try:
        return Keys(msgspec.json.decode(path.read_bytes(), type=list[ApiKey]), path)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} holds no API keys: {error}") from error


def _text(keys: list[ApiKey]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(keys))


def write_variables(path: Path, values: dict[str, str]) -> None:
    """A file for ``set -a; . FILE``: the variables in which components look for credentials."""
    _write(path, "".join(f"{name}={value}\n" for name, value in values.items()).encode())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
