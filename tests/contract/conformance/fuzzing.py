"""Sending what a document allows, and what it does not: an answer that the document tells of, never a 5xx."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from .documents import Contract, Operation
from .scene import Asked


class Fault(NamedTuple):
    """What the document does not tell of."""

    request: str
    status: int
    body: str


class Effort(NamedTuple):
    """At most so many requests to each operation, and so many seconds for all of them together.

    Whatever the time allows is sent in the same order: a machine that is slow sends less, and nothing else.
    """

    examples: int
    seconds: float


def faults(
    url: str, document: dict[str, Any], credential: str | None, ids: Mapping[str, Any], effort: Effort
) -> list[Fault]:
    """Send requests to every operation. ``ids``, by name, are some that there are: every other request has them."""
    # gathered, not raised: a server has a state, so a repeated request need not fail again
    found: list[Fault] = []
    schema = schemathesis.openapi.from_dict(document)
    operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert operations
    for operation in operations:
        until = time.monotonic() + effort.seconds / len(operations)
        _send_many(operation, url, credential, ids, effort.examples, until, found)
    return found


def _send_many(
    operation: Any,
    url: str,
    credential: str | None,
    ids: Mapping[str, Any],
    examples: int,
    until: float,
    found: list[Fault],
) -> None:
    described = set(operation.definition.raw["responses"]) | {"405"}
    sane, mad = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(sane, mad), real=st.booleans())
    def send(case: Any, real: bool) -> None:
        if time.monotonic() > until:
            return
        for fields in (case.body, case.query, case.path_parameters) if real else ():
            if isinstance(fields, dict):
                fields.update({name: id for name, id in ids.items() if name in fields})
        if credential is not None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {credential}"}
        response = case.call(base_url=url)
        if response.status_code >= 500 or str(response.status_code) not in described:
            found.append(Fault(case.as_curl_command(), response.status_code, response.text))

    send()


DEEP: Final = 50_000
NUMBERS: Final = [
    "NaN",
    "-Infinity",
    "1e400",
    "-1e-400",
    "-1",
    "0",
    "1.5",
    "9" * 400,
    "1e99999999",
    "true",
    "null",
]
TEXTS: Final = [
    '"\\u0000"',
    '"\\ud800"',
    '""',
    '" "',
    '"\\u202e\U0001f4b3\u0661"',
    '"' + "x" * 100_000 + '"',
    '"%00"',
]
SHAPES: Final = ["[]", "{}", "[[]]", '{"a":{"b":[]}}', "[null]", '[{"":""}]']
BODIES: Final = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"\xff\xfe",
    b'{"a":1}{"b":2}',
    b'{"a":1,"a":2}',
    b'{"\xed\xa0\x80":1}',
    b"[" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b'{"x":"' + b"x" * 900_000 + b'"}',
]
QUERIES: Final = [
    "", "-1", "0", "1.5", "1e5", "NaN", "9" * 400, "\u0663", "\0", "\U0001f600", "null", "[]", "' or 1=1 --",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x" * 4000,
]  # fmt: skip


def broken_requests(
    contract: Contract, operation: Operation, asked: Asked
) -> Iterator[tuple[Mapping[str, str], bytes | None]]:
    """Queries and bodies: bodies that are none, and what is asked with each field and parameter made wrong in turn."""
    for body in _broken_bodies(asked.body) if "requestBody" in operation.said else ():
        yield asked.query, body
    if operation.method == "GET":
        for name, said in contract.parameters(operation).items():
            for text in QUERIES if said["in"] == "query" else ():
                yield {**asked.query, name: text}, None


def _broken_bodies(good: Any) -> Iterator[bytes]:
    yield from BODIES
    for name in good if isinstance(good, dict) else ():
        rest = {other: value for other, value in good.items() if other != name}
        head = json.dumps(rest)[:-1] + (", " if rest else "")
        for value in (*NUMBERS, *TEXTS, *SHAPES):
            yield f"{head}{json.dumps(name)}: {value}}}".encode()
