"""Pages of the docs that are made, not written: put in their place, or checked to be fresh."""

from __future__ import annotations

import sys
from pathlib import Path


def keep(arguments: list[str], target: Path, page: str, module: str) -> int:
    """Write the page to its place; with ``--check`` write nothing, and return 1 where another stands there.

    ``module``: what to run to make it.
    """
    if "--check" in arguments:
        fresh = target.exists() and target.read_text(encoding="utf-8") == page
        if not fresh:
            sys.stderr.write(f"docs/{target.name} is stale: run python -m {module}\n")
        return 0 if fresh else 1
    target.write_text(page, encoding="utf-8")
    return 0
