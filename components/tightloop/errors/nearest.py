"""What was probably meant by a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

MOST = 12  # names that are listed where none is near


def hint(name: object, known: Iterable[str]) -> str:
    """``: did you mean 'swap'?``, or ``; there are swap, supply`` where nothing is near: to go behind a complaint."""
    names = sorted(set(known))
    near = get_close_matches(str(name), names, n=2)
    if near:
        nearness = [SequenceMatcher(None, one, str(name)).ratio() for one in near]
        equals = [one for one, how in zip(near, nearness, strict=True) if how == nearness[0]]
        return f": did you mean {' or '.join(map(repr, sorted(equals)))}?"
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"; there are {', '.join(names[:MOST])}{more}" if names else ""
