"""Ids: the same for the same thing, another for another, and of a form that every venue takes."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from tightloop.domain import ids


def test_the_client_order_id_is_made_as_the_contract_says() -> None:
    hashed = blake2b()
    for part in (b"dev", b"s1", b"main", b"s1:7", b"1"):
        hashed.update(len(part).to_bytes(4, "big") + part)
    assert ids.client_order_id("dev", "s1", "main", "s1:7", 1) == hashed.hexdigest()[:32]


def test_every_part_of_an_intent_counts() -> None:
    made = {
        ids.client_order_id(*parts)
        for parts in (
            ("dev", "s1", "main", "i", 1),
            ("prod", "s1", "main", "i", 1),
            ("dev", "s2", "main", "i", 1),
            ("dev", "s1", "other", "i", 1),
            ("dev", "s1", "main", "j", 1),
            ("dev", "s1", "main", "i", 2),
        )
    }
    assert len(made) == 6


def test_where_one_part_ends_and_the_next_begins_counts() -> None:
    assert ids.digest("ab", "c") != ids.digest("a", "bc")
    assert ids.digest("a", "") != ids.digest("a")


def test_ids_of_different_kinds_are_different() -> None:
    made = [
        ids.update_id("s", 1),
        ids.result_id("s", 1),
        ids.report_id("s", 1, 1),
        ids.snapshot_id("s", "v", "a", 1, 1),
        ids.halt_id("s", "REC-002", "r"),
    ]
    assert len(set(made)) == len(made)
    assert all(len(made_id) == 32 and set(made_id) <= set("0123456789abcdef") for made_id in made)


@pytest.mark.parametrize("text", ["a", "Basis-1_x.y", "x" * 100])
def test_valid_strategy_ids_are_accepted(text: str) -> None:
    assert ids.is_strategy_id(text)
    assert ids.is_instruction_id(text)


@pytest.mark.parametrize("text", ["", "x" * 101, "a b", "a/b", "ä", "a\n", "a:b", "*"])
def test_invalid_strategy_ids_are_refused(text: str) -> None:
    assert not ids.is_strategy_id(text)


def test_instruction_ids_may_have_colons_and_be_longer() -> None:
    assert ids.is_instruction_id("s1:2024:7")
    assert ids.is_instruction_id("x" * 200)
    assert not ids.is_instruction_id("x" * 201)
