"""Where a value of the configuration came from, in words: a file's line and section, a variable, or a flag."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Origins = dict[str, str]  # by the value's dotted name; what is not in it is a default
Origin = Callable[[str], str]  # of a dotted name

_SECTION = re.compile(r"\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?P<name>(?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*(?:\.|$)""")


def of_file(path: str, text: str) -> Origin:
    """``path:line [section]`` of the key that says it, or of the section where an inline table does."""
    places = _places(text)

    def origin(name: str) -> str:
        while name and name not in places:
            name = name.rpartition(".")[0]
        line, section = places.get(name, (1, ""))
        return f"{path}:{line}" + (f" [{section}]" if section else "")

    return origin


def of_variables(names: Mapping[str, str]) -> Origin:
    """``names``: by dotted name, the variable that says it."""
    return lambda name: f"variable {names[name]}" if name in names else "variables"


def of_flags(name: str) -> str:
    if name == "environment":
        return "flag --env"
    return f"flag --{name.rpartition('.')[2].replace('_', '-')}"


def origin_of(name: str, origins: Origins) -> str:
    """Of the value itself, or of the list or table that it is in."""
    while name not in origins and "." in name:
        name = name.rpartition(".")[0]
    return origins.get(name, "default")


def _places(text: str) -> dict[str, tuple[int, str]]:
    """By dotted name, the line that begins it, and its section. What looks like a key within a text of several lines
    counts only where nothing else has that name before.
    """
    found: dict[str, tuple[int, str]] = {}
    section = within = ""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _SECTION.match(line):
            section, within = heading["name"], _plain(heading["name"])
            found.setdefault(within, (number, section))
        elif key := _KEY.match(line):
            name = _plain(key["name"])
            found.setdefault(f"{within}.{name}" if within else name, (number, section))
    return found


def _plain(name: str) -> str:
    """``kafka."sasl.password"`` without its quotes and spaces, as names are once the file is read."""
    return ".".join("".join(found) for found in _PART.findall(name) if any(found))
