"""What a consumer refuses before it connects."""

from __future__ import annotations

import re

import pytest

from tightloop import ResultConsumer
from tightloop.client.connect import _nearest
from tightloop.errors import ExecutionError


def test_an_address_in_the_place_of_the_topics_is_refused_with_where_it_goes() -> None:
    with pytest.raises(ExecutionError, match=re.escape("bootstrap='127.0.0.1:1'")) as caught:
        ResultConsumer("127.0.0.1:1")
    assert caught.value.code == "EIF-010"


def test_a_misspelt_topic_is_refused_with_the_nearest_and_never_with_kafkas_own() -> None:
    there = ["__consumer_offsets", "fills", "instructions"]
    assert _nearest("filss", there) == ": did you mean 'fills'?"
    assert _nearest("nosuch", there) == "; there are fills, instructions"


def test_a_topic_that_was_not_created_is_no_misspelling() -> None:
    assert _nearest("instruction_results", ["instructions"]) == ""
