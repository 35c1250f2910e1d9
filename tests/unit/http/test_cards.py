"""A card number is found however it is written; what only looks like one is left alone."""

import json
import secrets
import string
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.http.cards import find, is_card

# Numbers that networks and providers publish for tests.
CARDS = [
    "4242424242424242",  # Visa
    "4000002760003184",
    "5555555555554444",  # Mastercard
    "2223003122003222",  # of its 2-series
    "378282246310005",  # American Express
    "6011111111111117",  # Discover
    "6445644564456445",
    "3056930009020004",  # Diners Club, 16 digits
    "30569309025904",  # 14 digits
    "36227206271667",
    "3566002020360505",  # JCB
    "6200000000000005",  # UnionPay
    "6205500000000000004",  # 19 digits
]


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_is_found(number: str) -> None:
    groups = [number[at : at + 4] for at in range(0, len(number), 4)]
    for text in (number, " ".join(groups), "-".join(groups), "\u00a0".join(groups), f" {number} "):
        assert is_card(text)
        assert find(body({"account": "x", "metadata": {"list": [{"note": text}]}}))
        assert find(body([text])), "in a list"
        assert find(body({text: 1})), "as a name"
        assert find(urlencode({"card[number]": text}).encode()), "in a form"
        assert find(b"", urlencode({"q": text}).encode()), "in the query"
    assert find(body({"card": {"number": int(number)}}))
    assert find(body({"pan": [int(number)]}))
    assert find(body({"cardNumber": int(number)}))


def test_it_is_found_however_it_is_escaped() -> None:
    number = CARDS[0]
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in number)
    assert find(f'{{"a":"{escaped}"}}'.encode())
    assert find(b"a=" + "".join(f"%{ord(digit):02x}" for digit in number).encode())
    assert find(b"", quote("4242 4242 4242 4242").encode())
    assert find(b'{"a":"' + number.encode() + b'","a":"nothing"}'), "under a name that stands twice"


@pytest.mark.parametrize(
    "value",
    [
        "4242424242424241",  # wrong check digit
        "42424242424242",  # too short for its network
        "1700000000000000",  # microseconds since 1970
        "1700000000000000000",  # nanoseconds
        "0000000000000000",
        "9999999999999995",  # no network's
        "acct_4242424242424242",
        "order 4242424242424242",
        "4242.4242.4242.4242",
        "3844618409-29-23",  # a key made of a number and two counters, right by Luhn's digit
        "3844618409-2923",
        "38446-184092-923",
        "4242424242424242.50",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "2026-11-21T10:00:00Z",
    ],
)
def test_what_is_no_card_number_is_left_alone(value: str) -> None:
    assert not find(body({"reference": value}))


@pytest.mark.parametrize(
    "text",
    [
        "paid with 4242 4242 4242 4242, expires 12/30",
        "4242-4242-4242-4242\n",
        "3782-822463-10005",
        "4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2",
        "Ann (3782 822463 10005)",
        "card: 4242424242424242",
        "Visa 4242424242424242 123",
        "number=4242424242424242&cvc=123",
    ],
)
def test_it_is_found_among_other_words(text: str) -> None:
    assert find(body({"note": text}))
    assert find(b"", urlencode({"q": text}).encode())


@pytest.mark.parametrize(
    "text",
    [
        "card order 4242424242424241",
        "card 0.4242424242424242",
        "card 4242424242424242.50",
        "card of 0f4242424242424242",
        "1d0ab4f1-424a-4242-4242-424242424242",
        "on 2026-11-21 4242 units",
    ],
)
def test_other_words_with_other_numbers_are_left_alone(text: str) -> None:
    assert not find(body({"note": text}))


def test_numbers_are_cards_only_under_a_name_that_says_so() -> None:
    amount = int(CARDS[0])
    assert not find(body({"amount": amount, "at": amount, "values": [amount]}))
    assert not find(body({"number": 4.242424242424242e15, "card": 42, "numbers": [1, 2]}))


def test_bodies_without_one_pass() -> None:
    assert not find(b"")
    assert not find(b"", b"limit=50&cursor=a99")
    assert not find(b"not json at all 12")
    assert not find(b'{"broken": "4242')
    assert not find(b"[" * 200_000 + b"1" * 14)
    assert not find(b"\xff\xfe\x00")


@given(st.binary(max_size=200))
def test_no_body_is_too_strange(raw: bytes) -> None:
    find(raw, raw)


@given(st.sampled_from(CARDS), st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_is_no_card(number: str, at: int, by: int) -> None:
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert not is_card(wrong)


def test_ids_of_ours_are_none() -> None:
    letters = string.ascii_lowercase + string.digits
    for _ in range(2000):
        tail = "".join(secrets.choice(letters) for _ in range(26))
        assert not find(body({"account": f"acct_{tail}"}))


def test_uuids_hide_no_card() -> None:
    """They are passed over, however many digits they have; what stands beside them is not."""
    uuid = "00000000-0000-7000-8000-000000000012"
    assert not find(body({"workspace_id": uuid, "amount": 1}))
    assert not find(body({"note": f"card {uuid}"}))
    for number in CARDS:
        assert find(body({"workspace_id": uuid, "note": number}))
        assert find(body({uuid: number}))
        assert find(body([uuid, number, uuid]))
