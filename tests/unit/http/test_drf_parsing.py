"""Where we are stricter than the framework: what it answers with a 500, a page or an hour of work."""

import pytest

from tallystick.http.drf.fields import Char, Choice, Dict, Field, Integer, read
from tallystick.http.drf.multipart import Upload
from tallystick.http.drf.parsing import DEEPEST, MOST_FIELDS, Form, parsed
from tallystick.http.drf.validation import Refused, ValidationFailed

JSON = "application/json"
PARTS = "multipart/form-data; boundary=xXx"


def _refused(media: str, body: bytes) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        parsed(media, body)
    return caught.value.status, caught.value.message


def _wrong(field: Field, value: object) -> list[str]:
    with pytest.raises(ValidationFailed) as caught:
        read({"field": field}, {"field": value})
    return caught.value.errors["field"]


def test_nothing_said_is_an_empty_object() -> None:
    assert parsed("", b"") == {}
    assert parsed("text/plain", b"") == {}
    assert type(parsed(PARTS, b"")) is Form


def test_something_said_in_no_media_type_is_not_read() -> None:
    assert _refused("", b"{}") == (415, 'Unsupported media type "" in request.')


@pytest.mark.parametrize("mark", [b"[", b'{"a":'])
def test_depth(mark: bytes) -> None:
    end = {b"[": b"]", b'{"a":': b"}"}[mark]
    assert parsed(JSON, mark * DEEPEST + b"1" + end * DEEPEST)
    too_deep = (400, f"JSON parse error - Nested deeper than {DEEPEST} levels")
    assert _refused(JSON, mark * (DEEPEST + 1) + b"1" + end * (DEEPEST + 1)) == too_deep
    assert _refused(JSON, mark * 200_000) == too_deep


def test_numbers_that_are_none() -> None:
    said = "JSON parse error - Out of range float values are not JSON compliant: "
    for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999"):
        assert _refused(JSON, text.encode()) == (400, said + repr(text))


def test_forms_have_an_end() -> None:
    many = b"&".join(b"a=1" for _ in range(MOST_FIELDS + 1))
    assert _refused("application/x-www-form-urlencoded", many)[0] == 400
    part = b'--xXx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    assert parsed(PARTS, part * MOST_FIELDS + b"--xXx--") == {"a": "1"}
    assert _refused(PARTS, part * (MOST_FIELDS + 1) + b"--xXx--")[0] == 400


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "bz2", "rot13", "undefined"])
def test_charsets_that_are_none(charset: str) -> None:
    said = f'Unsupported charset "{charset}" in request Content-Type header.'
    assert _refused(f"{JSON}; charset={charset}", b"{}") == (400, said)


def test_files_are_no_text() -> None:
    body = b'--xXx\r\nContent-Disposition: form-data; name="field"; filename="C:\\\\a\\\\b.txt"\r\n\r\nhey\r\n--xXx--'
    form = parsed(PARTS, body)
    assert form == {"field": Upload("b.txt")}
    assert _wrong(Char(), form["field"]) == ["Not a valid string."]


def test_base64_parts() -> None:
    head = b'--xXx\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    assert parsed(PARTS, head + b"aGV5\r\n--xXx--") == {"a": "hey"}
    assert parsed(PARTS, head + b"abcde\r\n--xXx--") == {"a": "abcde"}


def test_half_characters() -> None:
    assert _wrong(Char(), "a\ud800") == ["Surrogate characters are not allowed: U+D800."]
    assert _wrong(Choice(["x"]), "a\ud800") == ['"a?" is not a valid choice.']


@pytest.mark.parametrize("value", [{"a": "\x00"}, {"a": [{"b\x00": 1}]}, {"\x00": 1}])
def test_objects_that_no_database_keeps(value: object) -> None:
    assert _wrong(Dict(), value) == ["Null characters are not allowed."]
    assert _wrong(Dict(), {"a": ["\udfff"]}) == ["Surrogate characters are not allowed: U+DFFF."]


def test_huge_numbers() -> None:
    assert _wrong(Integer(), "9" * 1001) == ["String value too large."]
    assert _wrong(Integer(max_value=5), 10**400) == ["Ensure this value is less than or equal to 5."]
    assert read({"field": Char()}, {"field": 10**400}) == {"field": "1" + "0" * 400}
