"""What several deltas come to."""

from __future__ import annotations

from decimal import Decimal, localcontext

from tightloop.domain.deltas import added_up, by_position
from tightloop.records.types import Delta

TINY, HUGE = Decimal("0.000000000000000001"), Decimal(10) ** 57


def delta(key: str, amount: Decimal | str, source: str = "trade") -> Delta:
    return Delta(position_key=key, amount=Decimal(amount), source=source)


def test_amounts_of_one_position_are_summed_without_rounding_whatever_the_context() -> None:
    with localcontext(prec=5):
        assert by_position([delta("a", HUGE), delta("b", "1.5"), delta("a", TINY)]) == {
            "a": Decimal(f"1{'0' * 57}.000000000000000001"),
            "b": Decimal("1.5"),
        }


def test_deltas_of_one_position_and_source_become_one_in_the_order_of_their_first() -> None:
    deltas = [delta("b", "1"), delta("a", "2", "fee"), delta("b", "3", "fee"), delta("b", "-4")]
    assert added_up(deltas) == (delta("b", "-3"), delta("a", "2", "fee"), delta("b", "3", "fee"))
    assert added_up([]) == ()
