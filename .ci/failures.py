"""What failed, in short, from a JUnit report: the last thing CI prints, so that no long comparison hides the others."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

SHOWN = 1500  # characters of each failure, from its beginning and from its end


def main(report: Path) -> None:
    for case in ElementTree.parse(report).iter("testcase"):
        for found in (*case.findall("failure"), *case.findall("error")):
            text = f"{found.get('message') or ''}\n{found.text or ''}".strip()
            short = text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}\n[...]\n{text[-SHOWN:]}"
            sys.stdout.write(f"\n=== {case.get('classname')}::{case.get('name')} ({case.get('time')} s)\n{short}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
