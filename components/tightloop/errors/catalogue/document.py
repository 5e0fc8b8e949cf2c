"""Makes ``docs/errors.md`` from the catalogue: ``python -m tightloop.errors.catalogue.document`` (``--check``)."""

from __future__ import annotations

import sys
from pathlib import Path

from tightloop.errors import CATALOGUE
from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.records.pages import keep

TARGET = Path(__file__).parents[4] / "docs" / "errors.md"
HEADER = """# Errors: a runbook

Made from the catalogue in `components/tightloop/errors/catalogue/` (`tightloop errors CODE` shows one entry). Change
it there, then run `python -m tightloop.errors.catalogue.document`.

CRITICAL stops the component or the key, HIGH retries and then halts the key, MEDIUM refuses or degrades, LOW informs.
"""
FAMILIES = {
    "EIM": "Interface manager",
    "EXI": "Executors",
    "PUH": "Position update handler",
    "REC": "Reconciliation",
    "TLC": "Records that do not decode, on any component",
    "EIF": "Configuration and building of components",
    "BRK": "The embedded broker",
    "BUS": "Readers of the bus: exports and frames",
}


def render() -> str:
    """The whole page."""
    parts = [HEADER]
    for family, title in FAMILIES.items():
        parts.append(f"\n## {title} ({family})\n")
        parts += [_section(entry) for code, entry in sorted(CATALOGUE.items()) if code.startswith(f"{family}-")]
    return "".join(parts)


def _section(entry: ErrorEntry) -> str:
    lines = [
        f"\n### {entry.code} {entry.title} ({entry.severity})\n",
        f"- **Component:** {entry.component}",
        f"- **Trigger:** {entry.cause}",
        f"- **What the system does:** {entry.system}",
        f"- **What to do:** {entry.operator}",
    ]
    if entry.reserved:
        lines.append(f"- **Reserved:** {entry.reserved}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    return keep(arguments, TARGET, render(), "tightloop.errors.catalogue.document")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
