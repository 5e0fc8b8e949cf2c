"""An exchange's documented endpoints: what each request is checked against, whichever program sends it.

A sandbox notes every request that its documents do not allow. ``GET /admin/documents`` tells how often each endpoint
was asked (``asked``) and what was not as documented (``violations``); ``DELETE`` forgets both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

# who may ask: all; a key; a key that signs, and may read, trade or withdraw
Security = Literal["none", "key", "read", "trade", "withdraw"]
_KINDS: dict[str, re.Pattern[str]] = {
    "text": re.compile(r".+", re.DOTALL),
    "decimal": re.compile(r"-?\d{1,20}(\.\d{1,20})?"),
    "integer": re.compile(r"-?\d{1,20}"),
    "flag": re.compile(r"true|false", re.IGNORECASE),
}
_MOST_KEPT = 1000
_WRITTEN = re.compile(r"(?P<name>\w+)(?P<required>!?)(?::(?P<kind>\w+))?(?:=(?P<values>\S+))?")


class Parameter(Struct, frozen=True):
    """``values``: of an enumeration, all that it has; empty: any of that kind."""

    name: str
    kind: str
    required: bool
    values: tuple[str, ...] = ()

    def malformed(self, value: Any) -> str | None:
        """What is not as documented about it, in words."""
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, int) and self.kind == "integer":
            value = str(value)
        if value == "":
            return f"{self.name} is empty"
        if not isinstance(value, str):
            return f"{self.name} is {type(value).__name__}, and text is documented"
        if self.values and value not in self.values:
            return f"{self.name} is {value!r}, and {', '.join(self.values)} are documented"
        if not _KINDS[self.kind].fullmatch(value):
            return f"{self.name} is {value!r}, and no {self.kind}"
        return None


class Problem(Struct, frozen=True):
    """One parameter that is not as documented."""

    kind: Literal["unknown", "missing", "malformed"]
    parameter: str
    words: str


class Endpoint(Struct, frozen=True):
    """``name``: ``METHOD /path``. ``one_of``: parameters of which one must be there. ``source``: the page on it."""

    name: str
    security: Security
    parameters: Mapping[str, Parameter]
    source: str
    one_of: tuple[str, ...] = ()

    def problems(self, given: Mapping[str, Any]) -> list[Problem]:
        """Everything about these parameters that is not as documented."""
        found = [Problem("unknown", name, f"{name} is not documented") for name in given if name not in self.parameters]
        for name, parameter in self.parameters.items():
            words = parameter.malformed(given[name]) if name in given else None
            if words is not None:
                found.append(Problem("malformed", name, words))
            elif name not in given and parameter.required:
                found.append(Problem("missing", name, f"{name} is missing"))
        if self.one_of and not any(given.get(name) for name in self.one_of):
            found.append(Problem("missing", self.one_of[0], f"{' or '.join(self.one_of)} must be there"))
        return found


class Violation(Struct, frozen=True):
    endpoint: str
    what: str
    source: str


def endpoint(name: str, security: Security, parameters: str, source: str, one_of: str = "") -> Endpoint:
    """``parameters``: ``symbol! side!=BUY|SELL quantity:decimal``: ``!`` for one that must be there, ``:`` before its
    kind (``text`` by default), ``=`` before its values.
    """
    found = {}
    for written in parameters.split():
        read = _WRITTEN.fullmatch(written)
        if read is None or (read["kind"] or "text") not in _KINDS:
            raise ValueError(f"{name}: {written!r} says no parameter")
        values = tuple(read["values"].split("|")) if read["values"] else ()
        found[read["name"]] = Parameter(read["name"], read["kind"] or "text", bool(read["required"]), values)
    return Endpoint(name, security, found, source, tuple(one_of.split()))


class Documents:
    """All endpoints of one exchange, and what was asked of them."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = {one.name: one for one in endpoints}
        self._asked: Counter[str] = Counter()
        self._violations: list[Violation] = []

    def note(self, name: str, given: Mapping[str, Any]) -> list[Problem]:
        """What is not as documented about this request; it is kept. Raises KeyError for an endpoint without a row."""
        self._asked[name] += 1
        known = self.endpoints[name]
        found = known.problems(given)
        for one in found:
            if len(self._violations) < _MOST_KEPT:
                self._violations.append(Violation(name, one.words, known.source))
        return found

    def controls(self) -> dict[str, Callable[[dict[str, str], bytes], object]]:
        """Control requests of a sandbox."""

        def told(query: dict[str, str], body: bytes) -> object:
            return {"asked": dict(self._asked), "violations": self._violations}

        def forget(query: dict[str, str], body: bytes) -> object:
            self._asked.clear()
            self._violations.clear()
            return told(query, body)

        return {"GET /admin/documents": told, "DELETE /admin/documents": forget}
