"""Values in Avro's binary form: numbers, lengths, times, amounts. ``compiled`` puts them together to records.

Numbers are zigzag varints. A time is its microseconds since 1970. An amount is an integer of units of 10^-18, as
big-endian bytes. What a value must be is checked by operations that fail by themselves on what is wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation

PLACES = 18
DIGITS = 76
_UNITS = 10**PLACES
_UNIT = Decimal(1).scaleb(-PLACES)
_PER_ONE = Decimal(_UNITS)
_BOUND = 10**DIGITS
# too many places are Inexact here
_WIRE = Context(prec=DIGITS, traps=[Inexact, InvalidOperation])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CorruptError(ValueError):
    """The bytes are not what the schema says."""


class AmountError(ValueError):
    """An amount is not a number, too fine, or too large."""


# --- numbers ----------------------------------------------------------------------------------------------------------


def varint(number: int, bits: int = 64) -> bytes:
    """A signed integer, zigzag. Raises OverflowError for one of more bits."""
    if 64 <= number < 1 << 20:  # two or three bytes: most versions, loops and offsets
        rest = number << 1
        if rest < 1 << 14:
            return bytes((rest & 127 | 128, rest >> 7))
        return bytes((rest & 127 | 128, rest >> 7 & 127 | 128, rest >> 14))
    if number >> (bits - 1) not in (0, -1):
        raise OverflowError(f"{number} does not fit into {bits} bits")
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


SMALL = tuple(varint(number) for number in range(1024))


def read_varint(data: bytes, at: int, bits: int = 64) -> tuple[int, int]:
    """The number at ``at``, and where the next value begins."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift >= bits:
            break
    if byte > 127 or number >> bits:
        raise CorruptError(f"a number is longer than {bits} bits")
    return (number >> 1) ^ -(number & 1), at


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """A length that is not a single byte, and where what it measures begins."""
    length, at = read_varint(data, at)
    if length < 0:
        raise CorruptError("a length is below zero")
    return length, at


def read_count(data: bytes, at: int) -> tuple[int, int]:
    """How many items a block of an array or a map has; a count below zero is followed by the block's size in bytes."""
    count, at = read_varint(data, at)
    if count < 0:
        _, at = read_varint(data, at)
        count = -count
    return count, at


# One event stamps many fields with the same time, and a time travels through a whole loop: most were written a moment
# ago.
written_times: dict[datetime, bytes] = {}
read_times: dict[bytes, datetime] = {}
# Amounts too: balances that did not change, prices, zeros.
read_amounts: dict[bytes, Decimal] = {}
written_amounts: dict[Decimal, bytes] = {}
_REMEMBERED = 2048
_SHORT = 33  # bytes; 10^58 takes 32, longer ones are padded and not worth keeping
TIME_BYTES = 8  # what every time between 1979 and 4253 takes
_FROM, _UNTIL = 1 << 48, 1 << 55


def write_time(time: datetime) -> bytes:
    """Raises TypeError for a naive time."""
    found = written_times.get(time)
    if found is not None:
        return found
    since = time - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    raw = _time_bytes(micros << 1) if _FROM <= micros < _UNTIL else varint(micros)
    if len(written_times) >= _REMEMBERED:
        written_times.clear()
    written_times[time] = raw
    return raw


def _time_bytes(number: int) -> bytes:
    """The varint of a number of 50 to 56 bits, in one step."""
    return bytes(
        (
            number & 127 | 128,
            number >> 7 & 127 | 128,
            number >> 14 & 127 | 128,
            number >> 21 & 127 | 128,
            number >> 28 & 127 | 128,
            number >> 35 & 127 | 128,
            number >> 42 & 127 | 128,
            number >> 49,
        )
    )


def read_time(data: bytes, at: int) -> tuple[datetime, int]:
    """Raises OverflowError for what no ``datetime`` can say."""
    end = at + TIME_BYTES
    raw = data[at:end]
    found = read_times.get(raw)
    if found is not None:
        return found, end
    micros, after = read_varint(data, at)
    time = _EPOCH + timedelta(0, 0, micros)
    if after == end:
        if len(read_times) >= _REMEMBERED:
            read_times.clear()
        read_times[raw] = time
    return time, after


def write_amount(amount: Decimal) -> bytes:
    """Raises TypeError, ValueError, OverflowError or one of decimal's signals for what is no such amount."""
    if amount.__class__ is not Decimal and not isinstance(amount, Decimal):
        raise TypeError("an amount must be a Decimal")  # a float or an int would equal one, and be found
    found = written_amounts.get(amount)
    if found is not None:
        return found
    units = int(_WIRE.to_integral_exact(_WIRE.multiply(amount, _PER_ONE)))
    if not -_BOUND < units < _BOUND:
        raise AmountError("an amount is 10^58 or more")
    length = (units.bit_length() >> 3) + 1
    raw = SMALL[length] + units.to_bytes(length, "big", signed=True)
    if len(written_amounts) >= _REMEMBERED:
        written_amounts.clear()
    written_amounts[amount] = raw
    return raw


def read_amount(data: bytes, at: int) -> tuple[Decimal, int]:
    """An amount without trailing zeros, whole numbers without an exponent. Raises AmountError from 10^58 on."""
    length = data[at]
    if length & 129:
        length, at = read_length(data, at)
    else:
        length >>= 1
        at += 1
    end = at + length
    raw = data[at:end]
    found = read_amounts.get(raw)
    if found is not None:
        return found, end
    units = int.from_bytes(raw, "big", signed=True)
    if not -_BOUND < units < _BOUND:
        raise AmountError("an amount is 10^58 or more")
    whole, fraction = divmod(units, _UNITS)
    amount = _WIRE.normalize(_WIRE.multiply(Decimal(units), _UNIT)) if fraction else Decimal(whole)
    if length < _SHORT:
        if len(read_amounts) >= _REMEMBERED:
            read_amounts.clear()
        read_amounts[raw] = amount
    return amount, end
