"""Which endpoints an adapter names, as paths of its exchange: read from its source, resolved by ccxt's own list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LIVE = Path(__file__).parents[2] / "components" / "tightloop" / "venues" / "live"
_NAMED = re.compile(r'"((?:public|private|[a-z]+(?:Public|Private)|sapi)(?:V\d)?(?:Get|Post|Put|Delete)\w*)"')


def named_by(venue: str) -> set[str]:
    """ccxt's names of the endpoints that the adapter's files have in quotes."""
    texts = [file.read_text(encoding="utf-8") for file in LIVE.glob(f"{venue}*.py")]
    return {name for text in texts for name in _NAMED.findall(text)}


def paths(names: set[str], ccxt_class: Any, prefixes: Mapping[str, str]) -> set[str]:
    """``METHOD /path`` of each. ``prefixes``: by ccxt's name of the part of the API, such as ``fapiPrivate``."""
    found = set()
    for name in names:
        entry = _entry(ccxt_class, name)
        part = entry.api if isinstance(entry.api, str) else "".join([entry.api[0], *map(str.capitalize, entry.api[1:])])
        found.add(f"{entry.method} {prefixes[part]}/{entry.path}")
    return found


def _entry(ccxt_class: Any, name: str) -> Any:
    """ccxt's own description of the endpoint: on a class it answers with a function, which a test that replaces it and
    puts it back leaves in front of the description.
    """
    every = (vars(one)[name] for one in ccxt_class.__mro__ if name in vars(one))
    return next(one for one in every if hasattr(one, "api"))
