"""What came of a question, and of a request that acts: the same for orders and transfers, at every exchange."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from tightloop.domain import money
from tightloop.errors import bounded
from tightloop.handlers.calls import Ambiguous, GateClosed, NotSent, Unavailable
from tightloop.venues.adapter import GateShut
from tightloop.venues.http import Broken, NotLeft
from tightloop.venues.live.budget import Held
from tightloop.venues.live.session import Said
from tightloop.venues.live.verdicts import UNAVAILABLE, Verdicts

UNREADABLE = "EXI-016"
LIMITED = "EXI-002"
RETRY_S = 0.5
T = TypeVar("T")
_ILLEGIBLE = (LookupError, ValueError, ArithmeticError, TypeError)


async def answered(verdicts: Verdicts, question: Awaitable[T]) -> T | Unavailable:
    """What it says, or why there is no answer."""
    try:
        with money.exact():
            return await question
    except Said as said:
        return verdicts.of_question(said)
    except Held as held:
        return Unavailable(LIMITED, str(held))
    except (NotLeft, Broken) as error:
        return Unavailable(UNAVAILABLE, str(error))
    except _ILLEGIBLE as error:
        return Unavailable(UNREADABLE, bounded(f"an answer can't be read: {type(error).__name__}: {error}"))


async def acted(request: Awaitable[T]) -> T | Said | NotSent | GateClosed | Ambiguous:
    """What came of it, or would have. ``Said``: a refusal, which the exchange's table is to be asked about."""
    try:
        with money.exact():
            return await request
    except GateShut as shut:
        return GateClosed(shut.reason)
    except Held as held:
        return NotSent(LIMITED, str(held), held.retry_after_s)
    except NotLeft as error:
        return NotSent(UNAVAILABLE, str(error), RETRY_S)
    except Broken as error:
        return Ambiguous(str(error))
    except Said as said:
        return said
    except _ILLEGIBLE as error:
        return Ambiguous(bounded(f"the answer can't be read: {type(error).__name__}: {error}"))
