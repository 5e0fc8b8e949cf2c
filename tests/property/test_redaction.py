"""A secret does not come through, wherever it stands; what is not one does."""

from __future__ import annotations

import base64
import json
import re
import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tightloop.errors import CATALOGUE
from tightloop.errors.redaction import MASK, is_secret, redacted, redacted_fields

NAMES = (
    *("secret", "apiSecret", "API_KEY", "api-key", "api key", "X-MBX-APIKEY", "OK-ACCESS-KEY", "OK-ACCESS-SIGN"),
    *(
        "OK-ACCESS-PASSPHRASE",
        "X-BAPI-SIGN",
        "password",
        "sasl.password",
        "sasl.username",
        "sasl.jaas.config",
        "passwd",
    ),
    *("private_key", "privateKey", "mnemonic", "seed phrase", "signature", "listenKey", "access_token", "credentials"),
)
HEADERS = ("Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie")
ALPHABET = string.ascii_letters + string.digits


def stands(secret: str, text: str) -> bool:
    """Whether any six characters in a row of it do."""
    return any(secret[at : at + 6] in text for at in range(len(secret) - 5))


def _is_no_name(secret: str) -> bool:
    return not any(stands(secret, name) for name in (*NAMES, *HEADERS))


# found again wherever it stands, and taken for no name
SECRETS = st.text(ALPHABET, min_size=8, max_size=60).map(lambda text: f"s3cr{text}").filter(_is_no_name)
AWKWARD = SECRETS.flatmap(lambda secret: st.text(min_size=0, max_size=8).map(lambda more: f'{more}"{secret}\\{more}'))
NAME = st.sampled_from(NAMES)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
HEX_BYTES = st.binary(min_size=32, max_size=32).filter(lambda raw: raw[0] != 0).map(bytes.hex)


def unframed(form: str, name: str, secret: str) -> str:
    return form.replace("NAME", name).replace("SECRET", secret)


@pytest.mark.parametrize(
    "form",
    [
        *(
            "NAME=SECRET",
            "NAME: SECRET",
            "NAME = 'SECRET'",
            "x=1&NAME=SECRET&y=2",
            "NAME=SECRET, next",
            "(NAME=SECRET)",
        ),
        *('{"a": 1, "NAME": "SECRET", "b": 2}', "{'NAME': 'SECRET'}", "{'NAME': b'SECRET'}", '{"NAME":SECRET}'),
        *(
            r'{"body": "{\"NAME\": \"SECRET\", \"b\": 2}"}',
            '{"NAME": ["SECRET", "x"]}',
            '{"NAME": {"a": {"b": "SECRET"}}}',
        ),
        *("('NAME', 'SECRET')", "[b'NAME', b'SECRET']", '["NAME","SECRET"]', "NAME => SECRET"),
        *('{"NAME": "SECRET', "NAME: 'SECRET and the end is missing", r"{\"NAME\": \"SECRET"),
    ],
)
@given(name=NAME, secret=SECRETS)
def test_the_value_of_a_secrets_name_is_masked(form: str, name: str, secret: str) -> None:
    found = redacted(unframed(form, name, secret))
    assert not stands(secret, found)
    assert MASK in found
    assert name in found


@given(name=NAME.filter(lambda name: " " not in name), secret=SECRETS)
def test_an_option_of_a_command_line_is_masked(name: str, secret: str) -> None:
    assert redacted(f"tool --{name} {secret} --next 1") == f"tool --{name} {MASK} --next 1"


@given(name=NAME, secret=AWKWARD, other=PLAIN.filter(lambda text: not is_secret(text)))
def test_json_stays_json_with_every_other_value(name: str, secret: str, other: str) -> None:
    document = {"before": 1, name: secret, "after": [True, None, 1.5]}
    assert json.loads(redacted(json.dumps(document))) == {**document, name: MASK}
    inner = json.dumps({name: secret, "after": 1})
    assert json.loads(json.loads(redacted(json.dumps({"body": inner})))["body"]) == {name: MASK, "after": 1}


@given(header=st.sampled_from(HEADERS), secret=SECRETS, scheme=st.sampled_from(["", "Bearer ", "Basic ", "a=b; "]))
def test_a_header_with_credentials_is_masked_to_its_end(header: str, secret: str, scheme: str) -> None:
    found = redacted(f"Host: venue\n{header}: {scheme}{secret}\nAccept: text")
    assert found == f"Host: venue\n{header}: {MASK}\nAccept: text"


@given(user=SECRETS, password=SECRETS, separator=st.sampled_from(["", "/", "@", "#", "?", "%40", ":"]))
def test_a_url_is_shown_without_its_user(user: str, password: str, separator: str) -> None:
    found = redacted(f"could not reach https://{user}:{separator}{password}@node.example:8545/path?block=7, gave up")
    assert found == f"could not reach https://{MASK}@node.example:8545/path?block=7, gave up"


@given(key=st.from_regex(r"[a-f]1[0-9a-f]{30}|[A-Za-z]1[A-Za-z0-9_-]{30}", fullmatch=True))
def test_a_providers_key_in_the_path_of_a_url_is_masked(key: str) -> None:
    assert redacted(f"wss://mainnet.node.example/v3/{key}.") == f"wss://mainnet.node.example/v3/{MASK}."
    assert key in redacted(f"https://venue.example/order/{key}?symbol=BTC")


@given(raw=st.binary(min_size=40, max_size=400), kind=st.sampled_from(["PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE"]))
def test_a_pem_block_is_masked_whole_or_cut_off(raw: bytes, kind: str) -> None:
    body = base64.encodebytes(raw).decode()
    block = f"-----BEGIN {kind}-----\n{body}-----END {kind}-----"
    assert redacted(f"key {block} there") == f"key {MASK} there"
    assert redacted(f"key {block[:-5]}") == f"key {MASK}"
    escaped = block.replace("\n", "\\n")
    assert redacted(f'{{"pem": "{escaped}"}}') == f'{{"pem": "{MASK}"}}'


@given(claims=st.dictionaries(st.text(ALPHABET, min_size=1), st.integers(), min_size=1), tail=SECRETS)
def test_a_json_web_token_is_masked(claims: dict[str, int], tail: str) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in ({"alg": "x"}, claims)]
    assert redacted(f"token {'.'.join(parts)}.{tail} expired") == f"token {MASK} expired"


@given(
    raw=HEX_BYTES, prefix=st.sampled_from(["", "0x"]), form=st.sampled_from(["{}", "key {}!", "'{}'", "a={};", "({})"])
)
def test_32_bytes_in_hex_may_be_a_private_key_and_are_masked(raw: str, prefix: str, form: str) -> None:
    assert redacted(form.format(prefix + raw)) == form.format(MASK)
    assert redacted(form.format((prefix + raw).upper().replace("0X", "0x"))) == form.format(MASK)


@given(one=HEX_BYTES, other=HEX_BYTES)
def test_hashes_and_words_of_a_chain_are_evidence_and_stay(one: str, other: str) -> None:
    log = {"transactionHash": f"0x{one}", "topics": [f"0x{one}", f"0x{other}", f"0x{other}"], "blockHash": f"0x{other}"}
    for text in (
        *(json.dumps(log), json.dumps(json.dumps(log)), repr(log), f"transaction 0x{one} is unknown", f"tx={one}"),
        *(f'{{"id":1,"result":"0x{one}"}}', f"0x{one}{other}", f"0x{'0' * 24}{one[:40]}", one[:63]),
    ):
        assert redacted(text) == text
    fields = {"tx_hash": f"0x{one}", "topics": (f"0x{one}",), "client_order_id": other[:32]}
    assert redacted_fields(fields) == fields


@given(
    text=st.one_of(
        PLAIN,
        st.lists(st.one_of(NAME, SECRETS, st.sampled_from(list("={}[]()\"'\\:@/, \n&-"))), max_size=30).map("".join),
    )
)
@example('{"secret": ')
@example("secret=" * 40)
@example("İ secret=hunter22")
def test_nothing_raises_and_what_is_masked_stays_so(text: str) -> None:
    twice = redacted(redacted(text))  # a mask that something is glued to takes that along, the next time
    assert redacted(twice) == twice


@given(text=st.text(string.ascii_letters + " .,'", max_size=200))
def test_text_without_values_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_the_catalogue_says_nothing_that_would_be_masked() -> None:
    for entry in CATALOGUE.values():
        for text in (entry.cause, entry.system, entry.operator):
            assert redacted(text) == text


@given(name=NAME, secret=SECRETS)
def test_fields_are_masked_by_name_at_every_depth_and_by_what_they_say(name: str, secret: str) -> None:
    class Opaque:
        def __repr__(self) -> str:
            return f"<Opaque {name}='{secret}'>"

    fields: dict[str, Any] = {
        name: secret,
        "login": {name: {"a": secret}, "user": "u"},
        "lines": [f"{name}={secret}", {name: secret}],
        "other": Opaque(),
        "amount": 1.5,
        "none": None,
    }
    found = redacted_fields(fields)
    assert not stands(secret, repr(found))
    assert found[name] == MASK
    assert (found["login"]["user"], found["amount"], found["none"]) == ("u", 1.5, None)


@pytest.mark.parametrize(
    "name",
    ["ssl.key.location", "private_key_file", "passwordFile", "sasl.mechanism", "key", "token", "designation", "author"],
)
def test_a_name_that_says_where_a_secret_is_or_only_sounds_like_one_is_shown(name: str) -> None:
    assert not is_secret(name)
    assert redacted(f"{name}=ordinary") == f"{name}=ordinary"


def test_a_long_text_of_names_takes_no_longer_than_its_length() -> None:
    import time

    def seconds(text: str) -> float:
        began = time.process_time()
        redacted(text)
        return time.process_time() - began

    for part in ("secret", "secret=", "a://", "passw.", '"secret":{', "0x" + "ab" * 31, "eyJaaaaa.", "('a', "):
        assert seconds(part * 20_000) < 2.0, part


def test_a_mask_is_no_secret() -> None:
    assert re.fullmatch(r"\W+", MASK)
