"""Bodies as the framework's default parsers read them: JSON, urlencoded and multipart forms.

What does not parse, or is no text that anybody reads, raises Refused with the framework's own words. Stricter than
the framework where that answers with a 500, a page or an hour of work: nesting, number of fields, odd charsets.
"""

import codecs
import json
from collections.abc import Iterable
from email.message import Message
from email.utils import collapse_rfc2231_value
from io import BytesIO
from math import isfinite
from typing import Any, Final, Never
from urllib.parse import parse_qsl

from .multipart import BadForm, parts
from .texts import unsupported_media_type
from .validation import Refused

DEEPEST: Final = 100
"""How deep objects and lists may stand in one another."""
MOST_FIELDS: Final = 1000
"""Fields of a form."""
_LONGEST_MEDIA_TYPE: Final = 256
_CHARSET: Final = "utf-8"
# Python's own text encodings: none is a charset of the web, and some take quadratic time
_NO_CHARSETS: Final = ("idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "unicode-escape")


class Form(dict[str, Any]):
    """The fields of a form; of a repeated name the last counts, unless a field takes `every` one. A file is an
    `Upload`."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        self._pairs = list(pairs)
        super().__init__(self._pairs)

    def every(self, name: str) -> list[Any]:
        """All that came under the name, in order."""
        return [value for given, value in self._pairs if given == name]


def parsed(content_type: str, body: bytes) -> Any:
    """What a body says: any JSON value, or a `Form`. An empty body says {}. Raises Refused (400, 415)."""
    media, params = _media(content_type)
    if not body:
        form = media in ("application/x-www-form-urlencoded", "multipart/form-data")
        return Form() if form else {}
    kind = _parser(content_type, media)
    charset = _charset(params.get("charset", _CHARSET))
    if kind == "json":
        return _json(body, charset)
    if kind == "form":
        return _form(body, charset)
    try:
        return Form(parts(content_type, params.get("boundary"), body, charset, MOST_FIELDS))
    except BadForm as bad:
        raise Refused(400, f"Multipart form parse error - {bad}") from None


def _json(body: bytes, charset: str) -> Any:
    try:
        text = codecs.getreader(charset)(BytesIO(body)).read()
        value = json.loads(text, parse_constant=_no_number, parse_float=_number)
    except ValueError as error:
        raise Refused(400, f"JSON parse error - {error}") from None
    except RecursionError:
        raise _too_deep() from None
    _see_to_depth(value)
    return value


def _form(body: bytes, charset: str) -> Form:
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    try:
        return Form(parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Refused(400, f"A form has at most {MOST_FIELDS} fields.") from None


def _number(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _no_number(digits)


def _no_number(name: str) -> Never:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _see_to_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> Refused:
    return Refused(400, f"JSON parse error - Nested deeper than {DEEPEST} levels")


def _parser(content_type: str, media: str) -> str:
    """Which parser reads it: "json", "form" or "multipart". A range ("*/*") is read by the first that it has."""
    main, _, sub = media.partition("/")
    if len(content_type) <= _LONGEST_MEDIA_TYPE:
        for own_main, own_sub, kind in (
            ("application", "json", "json"),
            ("application", "x-www-form-urlencoded", "form"),
            ("multipart", "form-data", "multipart"),
        ):
            if main in ("*", own_main) and sub in ("*", own_sub):
                return kind
    raise Refused(415, unsupported_media_type(content_type))


def _media(content_type: str) -> tuple[str, dict[str, str]]:
    """The media type in lower case, and its parameters (RFC 9110, 8.3.1; RFC 2231)."""
    if ";" not in content_type:
        return content_type.strip().lower(), {}
    message = Message()
    message["content-type"] = content_type
    (media, _), *pairs = message.get_params([("", "")])
    return media.lower(), {
        name: value if isinstance(value, str) else collapse_rfc2231_value(value)
        for name, value in pairs
        if name
    }


def _charset(name: str) -> str:
    """The charset of the body; one that nobody knows counts as UTF-8, as the framework has it."""
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        return _CHARSET
    try:
        "".encode(name)
    except (LookupError, UnicodeError):
        refused = True
    else:
        refused = known.name in _NO_CHARSETS
    if refused:
        raise Refused(400, f'Unsupported charset "{name}" in request Content-Type header.')
    return name
