"""Bodies and fields against the framework itself: what it takes we take, and what it says we say."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.http.drf.fields import Boolean, Char, Choice, Dict, Email, Field, Integer, Url, read
from tallystick.http.drf.formed import Choices, Date, Pattern
from tallystick.http.drf.parsing import parsed
from tallystick.http.drf.validation import Refused, ValidationFailed
from tests.doubles.drf import Answer, ask

from . import drf_payloads as sent

EVERYTHING: dict[str, Field] = {
    "name": Char(max_length=10),
    "code": Char(required=False, blank=True, trim=False),
    "note": Char(null=True, default="none"),
    "email": Email(),
    "url": Url(required=False),
    "count": Integer(min_value=1, max_value=1000),
    "offset": Integer(default=0, null=True),
    "active": Boolean(),
    "wanted": Boolean(null=True, required=False),
    "kind": Choice(["stripe", "manual", "1"]),
    "metadata": Dict(required=False),
    "country": Pattern(pattern=re.compile("[A-Za-z]{2}"), default="us"),
    "day": Date(required=False),
    "several": Choices(["score", "ratings", "1"], required=False),
}
GOOD = {"name": "n", "email": "ann@acme.example", "count": 1, "active": True, "kind": "stripe"}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LONG = settings(max_examples=3_000, derandomize=False)


def _said(work: Callable[[], Any]) -> Answer:
    try:
        return Answer(200, work())
    except ValidationFailed as wrong:
        return Answer(400, wrong.errors)
    except Refused as refused:
        return Answer(refused.status, {"detail": refused.message})


def _everything(media: str, body: bytes, *, partial: bool = False) -> Answer:
    return _said(lambda: _written(read(EVERYTHING, parsed(media, body), partial=partial)))


def _written(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON has them."""
    return {name: str(value) if isinstance(value, date) else value for name, value in values.items()}


def same_json(payload: Any, partial: bool) -> None:
    body = sent.json_of(payload)
    oracle = ask("PATCH" if partial else "POST", "/everything/", body, JSON)
    assert _everything(JSON, body, partial=partial) == oracle


def same_form(pairs: list[tuple[str, str]], partial: bool, in_parts: bool) -> None:
    media = "multipart/form-data; boundary=xXx" if in_parts else FORM
    body = sent.multipart(pairs) if in_parts else sent.urlencoded(pairs)
    oracle = ask("PATCH" if partial else "POST", "/everything/", body, media)
    assert _everything(media, body, partial=partial) == oracle


def same_reading(media: str, body: bytes) -> None:
    oracle = ask("POST", "/echo/", body, media)
    ours = _said(lambda: {"read": _plain(parsed(media, body))})
    if oracle.status == 500 or (oracle.status == 400 and not isinstance(oracle.body, dict)):
        assert ours.status in (400, 415)  # the framework failed, or said it in a page
    else:
        assert ours == oracle


def _plain(read: Any) -> Any:
    return {name: str(value) for name, value in read.items()} if type(read).__name__ == "Form" else read


@settings(max_examples=80)
@given(sent.PAYLOADS, st.booleans())
@example(GOOD, False)
@example(None, False)
@example([], True)
def test_json_fields(payload: Any, partial: bool) -> None:
    same_json(payload, partial)


@settings(max_examples=50)
@given(sent.PAIRS, st.booleans(), st.booleans())
@example([(name, str(value)) for name, value in GOOD.items()], False, False)
@example(
    [("metadata", ""), ("code", ""), ("note", ""), ("url", ""), ("offset", ""), ("wanted", "")], False, True
)
def test_form_fields(pairs: list[tuple[str, str]], partial: bool, in_parts: bool) -> None:
    same_form(pairs, partial, in_parts)


@settings(max_examples=50)
@given(
    sent.MEDIA, sent.BROKEN | st.sampled_from([b"a=1&b=%20x&a=2&c", sent.multipart([("a", "1"), ("b", "é")])])
)
def test_bodies(media: str, body: bytes) -> None:
    same_reading(media, body)


@pytest.mark.parametrize("word", sent.WORDS, ids=ascii)
def test_words(word: str) -> None:
    """Each word in each field, by which no list of examples forgets one."""
    same_json(dict.fromkeys(sent.FIELDS, word), partial=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many() -> None:
    LONG(given(sent.PAYLOADS, st.booleans())(same_json))()
    LONG(given(sent.PAIRS, st.booleans(), st.booleans())(same_form))()
    LONG(given(sent.MEDIA, sent.BROKEN)(same_reading))()
