"""From an account's position keys, as adapters answer them, to the strategy's. The one place where those are made."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from tightloop.handlers.calls import Answer, Ledger, LedgerEntry, OrderFound, Positions

T = TypeVar("T", bound=Answer)


def named(answer: T, account: str, strategy_id: str) -> T:
    """The answer with the account's name in every position key, unless it is the strategy's own name. Pure."""
    if account == strategy_id:
        return answer
    if isinstance(answer, OrderFound | Ledger):
        return replace(answer, entries=tuple([_entry(entry, account) for entry in answer.entries]))
    if isinstance(answer, Positions):
        return replace(answer, amounts={_key(key, account): amount for key, amount in answer.amounts.items()})
    return answer


def _entry(entry: LedgerEntry, account: str) -> LedgerEntry:
    return replace(
        entry,
        deltas=tuple([replace(one, position_key=_key(one.position_key, account)) for one in entry.deltas]),
        fees=tuple([replace(one, position_key=_key(one.position_key, account)) for one in entry.fees]),
    )


def _key(key: str, account: str) -> str:
    venue, colon, rest = key.partition(":")
    return f"{venue}@{account}{colon}{rest}"
