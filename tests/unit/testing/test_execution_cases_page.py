"""The page of execution cases has exactly the cases of the suite, under their numbers, each with a result."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "execution-cases.md"
SUITE = [
    *(ROOT / "tests" / "contract" / "venues").glob("test_*.py"),
    ROOT / "tests" / "unit" / "handlers" / "executor" / "test_execution_cases.py",
]
CASE = re.compile(r"^def test_(\d+)_(\w+)\(", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def in_the_suite() -> list[tuple[int, str]]:
    texts = [file.read_text(encoding="utf-8") for file in SUITE]
    return sorted((int(number), name.replace("_", " ")) for text in texts for number, name in CASE.findall(text))


def test_the_page_lists_the_cases_of_the_suite() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert sorted((int(number), name) for number, name, _ in rows) == in_the_suite()
    assert all(result.strip() for _, _, result in rows)


def test_a_number_is_one_case() -> None:
    assert [number for number, times in Counter(number for number, _ in in_the_suite()).items() if times > 1] == []
