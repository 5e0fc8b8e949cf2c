"""Exit codes: 0 fine, 1 the answer is bad news, 2 wrong usage or configuration, 3 something is not reachable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tightloop.errors import ExecutionError

FINE, BAD_NEWS, WRONG_USE, UNREACHABLE = 0, 1, 2, 3
_AWAY = frozenset({"EIF-011", "BRK-001", "BRK-003", "BRK-004"})


def exit_code(error: ExecutionError) -> int:
    return UNREACHABLE if error.code in _AWAY else WRONG_USE
