"""The compatibility check fails on every kind of incompatible change, and on nothing else."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tightloop.records.compat import full_transitive, unreadable

AMOUNT = {"type": "bytes", "logicalType": "decimal", "precision": 76, "scale": 18}
SIDE = {
    "type": "enum",
    "name": "Side",
    "namespace": "tightloop",
    "symbols": ["buy", "sell", "UNKNOWN"],
    "default": "UNKNOWN",
}
STRICT = {"type": "enum", "name": "Strict", "namespace": "tightloop", "symbols": ["a", "b"]}
LEG = {
    "type": "record",
    "name": "Leg",
    "namespace": "tightloop",
    "fields": [{"name": "asset", "type": "string"}, {"name": "amount", "type": AMOUNT}],
}
BASE: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "tightloop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "count", "type": "int"},
        {"name": "amount", "type": AMOUNT},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "side", "type": SIDE},
        {"name": "strict", "type": STRICT},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "legs", "type": {"type": "array", "items": LEG}, "default": []},
        {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}},
        {"name": "last", "type": ["null", "tightloop.Leg"], "default": None},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
    ],
}


def changed(field: str, **attributes: Any) -> dict[str, Any]:
    schema = deepcopy(BASE)
    next(entry for entry in schema["fields"] if entry["name"] == field).update(attributes)
    return schema


def without(field: str) -> dict[str, Any]:
    return {**BASE, "fields": [entry for entry in BASE["fields"] if entry["name"] != field]}


def with_field(**field: Any) -> dict[str, Any]:
    return {**BASE, "fields": [*BASE["fields"], field]}


def leg(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {**LEG, "fields": list(fields)}}


COMPATIBLE = {
    "nothing": BASE,
    "a field added with a default": with_field(name="extra", type=["null", "long"], default=None),
    "an enum added with a default": with_field(name="other", type="tightloop.Side", default="buy"),
    "a record added with a default": with_field(name="leg", type="tightloop.Leg", default={"asset": "", "amount": ""}),
    "a field removed that had a default": without("note"),
    "documentation": changed("note", doc="More."),
    "another default": changed("tags", default={"a": "b"}),
    "fields in another order": {**BASE, "fields": BASE["fields"][::-1]},
    "a symbol added to an enum with a default": changed(
        "side", type={**SIDE, "symbols": ["buy", "sell", "x", "UNKNOWN"]}
    ),
    "a symbol removed from an enum with a default": changed("side", type={**SIDE, "symbols": ["buy", "UNKNOWN"]}),
}

INCOMPATIBLE = {
    "a field added without a default": (with_field(name="extra", type="string"), "Order.extra: is missing there"),
    "a field removed that had no default": (without("id"), "Order.id: is missing there"),
    "a type changed": (changed("id", type="boolean"), "Order.id: string is not boolean"),
    "a promotion": (changed("count", type="long"), "Order.count: long is not int"),
    "text read as bytes is no amount": (changed("amount", type="string"), "Order.amount: logicalType"),
    "made nullable": (changed("id", type=["null", "string"]), "Order.id: null is not string"),
    "no longer nullable": (changed("note", type="string", default=""), "Order.note: null is not string"),
    "a branch added to a union": (changed("note", type=["null", "string", "long"]), "Order.note: no branch"),
    "a branch removed from a union": (changed("note", type=["null"]), "Order.note: no branch of the union"),
    "a symbol added to an enum without a default": (
        changed("strict", type={**STRICT, "symbols": ["a", "b", "c"]}),
        "Order.strict: the symbols c of Strict are missing",
    ),
    "a symbol removed from an enum without a default": (
        changed("strict", type={**STRICT, "symbols": ["a"]}),
        "Order.strict: the symbols b of Strict are missing",
    ),
    "an enum's default removed together with a symbol": (
        changed("side", type={"type": "enum", "name": "Side", "namespace": "tightloop", "symbols": ["buy"]}),
        "Order.side: the symbols sell, UNKNOWN of Side are missing",
    ),
    "an enum renamed": (changed("strict", type={**STRICT, "name": "Loose"}), "Order.strict: enum"),
    "a logical type dropped": (changed("at", type="long"), "Order.at: logicalType timestamp-micros is not None"),
    "a logical type changed": (
        changed("at", type={"type": "long", "logicalType": "timestamp-millis"}),
        "Order.at: logicalType timestamp-micros is not timestamp-millis",
    ),
    "a scale changed": (changed("amount", type={**AMOUNT, "scale": 8}), "Order.amount: scale 18 is not 8"),
    "a precision changed": (
        changed("amount", type={**AMOUNT, "precision": 38}),
        "Order.amount: precision 76 is not 38",
    ),
    "a field of a nested record added without a default": (
        changed("legs", type=leg(*LEG["fields"], {"name": "fee", "type": AMOUNT})),
        "Order.legs[].fee: is missing there",
    ),
    "a field of a nested record changed": (
        changed("legs", type=leg(LEG["fields"][0], {"name": "amount", "type": "string"})),
        "Order.legs[].amount: logicalType",
    ),
    "a record renamed": ({**BASE, "name": "Trade"}, "record Order is not Trade"),
    "an array's items changed": (
        changed("legs", type={"type": "array", "items": "string"}),
        "Order.legs[]: record Leg",
    ),
    "a map's values changed": (changed("tags", type={"type": "map", "values": "boolean"}), "Order.tags{}: string"),
    "a fixed resized": (
        changed("hash", type={"type": "fixed", "name": "Hash", "size": 8}),
        "Order.hash: size 4 is not 8",
    ),
    "a default of another type": (
        with_field(name="extra", type=["null", "string"], default="x"),
        "Order.extra: its default 'x' is no value of its type",
    ),
}


@pytest.mark.parametrize("change", COMPATIBLE)
def test_a_compatible_change_has_no_problems(change: str) -> None:
    assert full_transitive(COMPATIBLE[change], [("v1", BASE)]) == []


@pytest.mark.parametrize("change", INCOMPATIBLE)
def test_an_incompatible_change_is_named_with_its_problem(change: str) -> None:
    schema, expected = INCOMPATIBLE[change]
    problems = full_transitive(schema, [("v1", BASE)])
    assert any(expected in problem for problem in problems), problems
    assert all(problem.startswith("v1: ") for problem in problems)


def test_every_earlier_version_counts() -> None:
    later = without("note")
    again = changed("note", type=["null", "long"])
    assert full_transitive(again, [("v2", later)]) == []
    problems = full_transitive(again, [("v1", BASE), ("v2", later)])
    assert problems and all("Order.note" in problem and problem.startswith("v1") for problem in problems)


def test_the_direction_of_an_incompatibility_is_named() -> None:
    added = with_field(name="extra", type="string")
    assert full_transitive(added, [("v1", BASE)]) == [
        "v1: cannot read it: Order.extra: is missing there, and has no default"
    ]
    assert full_transitive(without("id"), [("v1", BASE)]) == [
        "v1: cannot be read by it: Order.id: is missing there, and has no default"
    ]


def test_a_promotion_works_one_way() -> None:
    assert unreadable(changed("count", type="long"), BASE) == []
    assert unreadable(BASE, changed("count", type="long")) == ["Order.count: long is not int"]


def test_comparing_a_type_that_holds_itself_ends() -> None:
    tree: dict[str, Any] = {
        "type": "record",
        "name": "Tree",
        "namespace": "tightloop",
        "fields": [{"name": "below", "type": {"type": "array", "items": "tightloop.Tree"}}],
    }
    assert full_transitive(tree, [("v1", deepcopy(tree))]) == []
