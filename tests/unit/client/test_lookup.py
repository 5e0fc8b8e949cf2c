"""A key that does not exist is refused by name."""

from __future__ import annotations

from tightloop.client.lookup import unknown_key


def test_an_unknown_key_is_refused_with_the_nearest_that_there_is() -> None:
    error = unknown_key("Stategy-1", ["strategy-1", "other", "strategy-20"])
    assert (error.code, "did you mean 'strategy-1'?" in error.message) == ("EIM-016", True)


def test_without_any_key_there_is_none_to_name() -> None:
    assert "no key has any yet" in unknown_key("s1", []).message
