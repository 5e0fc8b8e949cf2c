"""What failed, shortly, from a JUnit report: the last thing CI prints, where a single long comparison cannot hide it."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

SHOWN = 1500  # characters of each failure, from its beginning and from its end


def main(report: Path) -> None:
    for case in ElementTree.parse(report).iter("testcase"):
        for found in (*case.findall("failure"), *case.findall("error")):
            text = f"{found.get('message') or ''}\n{found.text or ''}".strip()
            print(f"\n=== {case.get('classname')}::{case.get('name')} ({case.get('time')} s)")
            print(text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}\n[...]\n{text[-SHOWN:]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
