"""Secrets taken out of text and of mappings, before anything shows, logs or keeps them.

What is masked, each as ``***``: the value of a name that is a secret's (JSON, ``key=value``, headers, a Python repr, an
option of a command line); a URL's user and password, and a provider's key in its path; PEM blocks; JSON web tokens;
bearer and basic credentials; 32 bytes in hex, which may be a private key, unless a word such as ``hash`` or ``tx``
before them says that they are public. Better a word too many than a secret: prose such as ``signature: wrong`` is
masked too. Stays as it is: everything else, and JSON stays JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

MASK = "***"

_NAME = re.compile(  # of lower case; every branch begins with a letter, so that most places are passed over at once
    r"(?:secret(?:[ _.-]?(?:key|phrase))?|passw|pass[ _.-]?phrase|passcode|private(?:[ _.-]?key)?|credential|mnemonic"
    r"|seed[ _.-]?(?:phrase|words)|signature|api[ _.-]?(?:key|token)|access[ _.-]?(?:key|token)|listen[ _.-]?key"
    r"|signing[ _.-]?key|auth[ _.-]?token|bearer[ _.-]?token|refresh[ _.-]?token|session[ _.-]?token|authori[sz]ation"
    r"|cookie|jaas|sasl[ _.-]?username|auth(?<![a-z]auth)(?![a-z])|hmac(?<![a-z]hmac)(?![a-z])"
    r"|jwt(?<![a-z]jwt)(?![a-z])|pass(?<![a-z]pass)(?![a-z])|pwd(?<![a-z]pwd)(?![a-z])|sign(?<![a-z]sign)(?![a-z]))[\w.-]*+"
)
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # each place stays where it is
_WHERE = re.compile(  # such a name says where or of what kind a secret is
    r"(?:[._ -](?:url|uri|endpoint|file|path|location|dir|env|type|mechanism|algorithm)"
    r"|(?<=[a-z])(?:Url|Uri|Endpoint|File|Path|Location|Dir|Env|Type|Mechanism|Algorithm))$"
    r"|[._-](?:URL|URI|ENDPOINT|FILE|PATH|LOCATION|DIR|ENV|TYPE)$"
)
_WHOLE_LINE = re.compile(r"authori[sz]ation|cookie")
_SEPARATOR = re.compile(r"""(\\*["'])?[ \t]*(?:=>|[:=])[ \t]*""")
_OPTION = re.compile(r"(?:^|\s)--[\w.-]*$")
_SPACES = re.compile(" +")
_QUOTE = re.compile(r"""b?(\\*["'])""")
_WORD = re.compile(r"""(?:(?:bearer|basic|digest|token)[ \t]+)?[^\s,;&"'<>)\]}\\]*""", re.IGNORECASE)
_LINE = re.compile(r"""[^\r\n"']*""")
_BRACKET = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[{(\])}]""", re.DOTALL)
_NO_SECRET = frozenset({"", MASK, "null", "none", "true", "false"})

_PAIR = re.compile(  # a header as a list or tuple: ("X-MBX-APIKEY", "…")
    r"""([\[(]\s*b?(["'])([^"'\\]{1,100})\2\s*,\s*b?)(["'])(?:(?!\4)[^\\]|\\.)+\4(?=\s*[\])])""", re.DOTALL
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)", re.DOTALL)
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*")
_CREDENTIALS = re.compile(r"\b(bearer[ \t]+)[\w.~+/=-]{8,}|\b(basic[ \t]+)[\w+/=]{16,}", re.IGNORECASE)
_URL = re.compile(r"""(?<=://)[^\s'"<>]+""")
_USER = re.compile(r"[^/?#]*@|[^/@:]+:(?!\d+(?:[/?#]|$)).*@")
_LONG_SEGMENT = re.compile(r"(?<=/)(?!0x)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}")
_PUBLIC_SEGMENT = re.compile(r"/(?:address|block|orders?|tx|transactions?)/$")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:0x)?([0-9A-Fa-f]{64})(?![0-9A-Fa-f])")
_EIGHT_HEX = re.compile(r"[0-9A-Fa-f]{8}")  # in every eighth character, wherever 64 of them stand in a row
_SMALL_NUMBER = "0" * 12  # 32 bytes that begin so are a padded number or address: no key does
_HEX_BEFORE = re.compile(r"""(?:(?:\\*["'])?0x[0-9A-Fa-f]{64}(?:\\*["'])?[\s,]+)+(?:\\*["'])?$""")
_PUBLIC = re.compile(
    r"(?:hash|tx|txn|transaction|block|root|topics?|result|data|input|digest|sha-?256|blake2b|receipt|parent|storage)"
    r"""(?:e?s)?[\s"'\\:=\[({#]*$""",
    re.IGNORECASE,
)
_LOOK_BACK = 400  # four topics of a log fit

# one of these is in every text that _NAME, _CREDENTIALS or _JWT has something in
_HINTS = (
    *("secret", "pass", "privat", "credential", "mnemonic", "seed", "sign", "api", "access", "listen", "auth"),
    *("bearer", "basic", "refresh", "session", "cookie", "jaas", "sasl", "hmac", "jwt", "pwd", "eyj"),
)


def redacted(text: str) -> str:
    """The text without its secrets. Twice is the same as once. Ordinary text costs some microseconds, and never raises.

    What is cut short (a quotation or PEM block without its end) is masked to the end of the text.
    """
    return _redacted(text, "")


def redacted_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields: a value whose name is a secret's is masked, all text inside is redacted.

    Numbers, amounts, times, truth values and None stay what they are; what is none of these, nor text, a mapping, list,
    tuple or set, becomes its redacted repr.
    """
    return {
        name: MASK if value and is_secret(str(name)) else _plain(str(name), value) for name, value in fields.items()
    }


def is_secret(name: str) -> bool:
    """Whether a value of this name is a secret. ``ssl.key.location`` or ``private_key_file`` say only where one is."""
    return _NAME.search(_lower(name)) is not None and _WHERE.search(name) is None


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    if isinstance(value, str):
        return _redacted(value, f"{name}=")
    if isinstance(value, Mapping):
        return redacted_fields(value)
    if isinstance(value, list | tuple | set | frozenset):
        kind = type(value) if type(value) in (list, tuple, set, frozenset) else tuple
        return kind(_plain(name, one) for one in value)
    return _redacted(repr(value), "")


def _redacted(text: str, before: str) -> str:
    if "-----BEGIN " in text:
        text = _PEM.sub(MASK, text)
    lower = _lower(text)
    for hint in _HINTS:
        if hint in lower:
            text = _named(_PAIR.sub(_pair, text))
            text = _CREDENTIALS.sub(rf"\1\2{MASK}", _JWT.sub(MASK, text))
            break
    if "://" in text:
        text = _URL.sub(lambda found: _url(found[0]), text)
    if _EIGHT_HEX.search(text[::8]):
        text = _HEX.sub(lambda found: _hex(found, before), text)
    return text


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _named(text: str) -> str:
    """Behind each name of a secret that something separates from a value, the value masked."""
    lower = _lower(text)
    kept: list[str] = []
    done = at = 0
    while name := _NAME.search(lower, at):
        at = name.end()
        separator = _SEPARATOR.match(text, at)
        if separator is None and _OPTION.search(text[max(0, name.start() - 60) : name.start()]):
            separator = _SPACES.match(text, at)
        if separator is None or _WHERE.search(text[name.start() : at]):
            continue
        begin, at = _value(text, separator.end(), _WHOLE_LINE.match(name[0]) is not None)
        if text[begin:at].lower() in _NO_SECRET:
            continue
        bare_json = separator[0].startswith('"') and text[begin - 1] != '"'
        kept += text[done:begin], f'"{MASK}"' if bare_json else MASK
        done = at
    return "".join(kept) + text[done:] if kept else text


def _value(text: str, at: int, whole_line: bool) -> tuple[int, int]:
    """Where a value begins and ends, its quotation marks apart."""
    quote = _QUOTE.match(text, at)
    if quote is not None:
        return quote.end(), _quotation_end(text, quote.end(), quote[1])
    if text[at : at + 1] in ("{", "[", "("):
        return at, _closing(text, at)
    rest = (_LINE if whole_line else _WORD).match(text, at)
    return at, rest.end() if rest is not None else at


def _quotation_end(text: str, at: int, opening: str) -> int:
    """``opening``: the mark with the backslashes before it, which JSON in JSON has: as many are before the closing one,
    and may follow on backslashes of the content, each of which is written as so many and one more, twice.
    """
    mark, escapes = opening[-1], len(opening) - 1
    place = text.find(mark, at)
    while place >= 0:
        since = text[at:place]
        before = len(since) - len(since.rstrip("\\"))
        if before % (2 * (escapes + 1)) == escapes:
            return place - escapes
        at = place + 1
        place = text.find(mark, at)
    return len(text)


def _closing(text: str, at: int) -> int:
    depth = 0
    for found in _BRACKET.finditer(text, at):
        depth += 1 if found[0] in "[{(" else -1 if found[0] in "]})" else 0
        if depth == 0:
            return found.end()
    return len(text)


def _pair(found: re.Match[str]) -> str:
    return f"{found[1]}{found[4]}{MASK}{found[4]}" if is_secret(found[3]) else found[0]


def _url(rest: str) -> str:
    """``rest``: what follows ``://``."""
    user = _USER.match(rest)
    if user is not None:
        rest = f"{MASK}@{rest[user.end() :]}"
    return _LONG_SEGMENT.sub(lambda found: found[0] if _PUBLIC_SEGMENT.search(rest[: found.start()]) else MASK, rest)


def _hex(found: re.Match[str], before: str) -> str:
    if found[1].startswith(_SMALL_NUMBER):
        return found[0]
    begin = max(0, found.start() - _LOOK_BACK)
    context = ("" if begin else before) + found.string[begin : found.start()]
    return found[0] if _PUBLIC.search(_HEX_BEFORE.sub("", context)) else MASK
