"""Bodies that cannot be read: each is refused with 400 and a text that names the field, and nothing is done."""

import json
from typing import Any

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House

from .conftest import OPERATIONS, Product, error
from .test_access import Cast

WITH_BODY = [one for one in OPERATIONS if one[0] in ("POST", "PATCH")]
REQUIRED = {
    ("POST", "/api/usage"): ["subscriptionId", "quantity", "metric"],
    ("POST", "/api/customers"): ["email"],
    ("PATCH", "/api/customers"): ["customerId"],
    ("POST", "/api/subscriptions"): ["customerId", "planId"],
    ("POST", "/api/plans"): ["name", "pricingModel", "currency", "interval"],
    ("PATCH", "/api/plans"): ["planId"],
    ("PATCH", "/api/invoices"): ["invoiceId", "status"],
}
DEEP = b"[" * 3000 + b"]" * 3000


@pytest.fixture(scope="module")
def players(house: House) -> Cast:
    with house.client("write") as api:
        return Cast(Product(api))


NO_JSON = [
    b"{",
    b"x",
    b'{"email": NaN}',
    b'{"email": Infinity}',
    b"\xff",
    b'"\xc3\x28"',
    b"{} {}",
    b"{'a': 1}",
    b'{"a": 01}',
    b'{"a": 1.}',
    b'{"a": "\x01"}',
    b'{"a": ' + DEEP + b"}",
    b'{"a": "\\ud8"}',
]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_no_json(writer: Api, method: str, path: str) -> None:
    for raw in NO_JSON:
        answer = writer.send(method, path, raw)
        said = error(answer, 400)
        assert said == "Invalid JSON body" or said.startswith("Missing required fields: ")
        hold(answer)


NO_OBJECTS = [b"[]", b"null", b"1", b'"x"', b"true"]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_no_object(writer: Api, method: str, path: str) -> None:
    for raw in NO_OBJECTS:
        error(writer.send(method, path, raw), 400, "The body must be a JSON object")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_all_that_is_missing_is_named(writer: Api, players: Cast, method: str, path: str) -> None:
    names = REQUIRED[method, path]
    for body in (None, b"", {}, dict.fromkeys(names), {"unknown": 1}):
        error(writer.send(method, path, body), 400, "Missing required fields: " + ", ".join(names))
    _, whole = players.request(method, path)
    for name in names:
        body = {key: value for key, value in whole.items() if key != name}
        error(writer.send(method, path, body), 400, f"Missing required fields: {name}")
        error(writer.send(method, path, body | {name: None}), 400, f"Missing required fields: {name}")


NAMES = ["unknown", "_id", "organizationId", "é", "\ud800", "a" * 5000, ""]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_unknown_fields(writer: Api, players: Cast, method: str, path: str) -> None:
    for name in NAMES:
        _, whole = players.request(method, path)
        answer = writer.send(method, path, whole | {name: 1})
        said = error(answer, 400)
        assert said.startswith("Unknown field: ") or (name == "\ud800" and said == "Invalid JSON body")
        assert len(said) < 200


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if one[0] in ("GET", "DELETE")])
def test_unknown_parameters(writer: Api, players: Cast, method: str, path: str) -> None:
    address, _ = players.request(method, path)
    joint = "&" if "?" in address else "?"
    error(
        writer.send(method, f"{address}{joint}cancelAtPeriodend=true"),
        400,
        "Unknown parameter: cancelAtPeriodend",
    )
    if "?" in address:
        name = address.partition("?")[2].partition("=")[0]
        error(
            writer.send(method, f"{address}&{address.partition('?')[2]}"), 400, f"{name} must be given once"
        )


STRINGS = {
    ("POST", "/api/usage"): ["subscriptionId", "metric", "eventId"],
    ("POST", "/api/customers"): ["email", "first_name", "last_name", "phone", "externalCustomerId"],
    ("PATCH", "/api/customers"): [
        "customerId",
        "email",
        "first_name",
        "last_name",
        "phone",
        "externalCustomerId",
    ],
    ("POST", "/api/subscriptions"): ["customerId", "planId"],
    ("POST", "/api/plans"): ["name", "description", "currency", "usageMetric"],
    ("PATCH", "/api/plans"): ["planId", "name", "description"],
    ("PATCH", "/api/invoices"): ["invoiceId"],
}
TEXTS = [(*one, name) for one, names in STRINGS.items() for name in names]


@pytest.mark.parametrize(("method", "path", "name"), TEXTS)
def test_text_that_is_no_text(writer: Api, players: Cast, method: str, path: str, name: str) -> None:
    _, whole = players.request(method, path)
    if path == "/api/plans" and method == "POST":
        whole |= {"pricingModel": "hybrid", "usageMetric": "m", "unitPrice": 1}
    wrong: list[Any] = [1, 1.5, True, [], {}, ["x"]]
    for value in wrong:
        error(writer.send(method, path, whole | {name: value}), 400, f"{name} must be a string")
    for text in ("a\0b", "\ud800", "a\nb\x7f"):
        answer = writer.send(method, path, whole | {name: text})
        assert answer.status_code in (400, 404), answer.text
        error(answer, answer.status_code)
    answer = writer.send(method, path, whole | {name: "x" * 70_000})
    assert answer.status_code in (400, 404), answer.text


ENUMS = {
    ("POST", "/api/customers"): {
        "type": "individual or business",
        "status": "active, inactive or blocked",
    },
    ("PATCH", "/api/customers"): {
        "type": "individual or business",
        "status": "active, inactive or blocked",
    },
    ("POST", "/api/plans"): {
        "pricingModel": "flat, usage or hybrid",
        "interval": "monthly, quarterly, yearly or one-time",
        "status": "active or archived",
        "mode": "live or test",
    },
    ("PATCH", "/api/plans"): {"status": "active or archived"},
    ("PATCH", "/api/invoices"): {"status": "draft, pending, open, paid, void or failed"},
}
CHOICES = [(*one, name, said) for one, fields in ENUMS.items() for name, said in fields.items()]


@pytest.mark.parametrize(("method", "path", "name", "said"), CHOICES)
def test_words_that_are_none(
    writer: Api, players: Cast, method: str, path: str, name: str, said: str
) -> None:
    _, whole = players.request(method, path)
    words: list[Any] = ["", "Active", "nothing", "one_time", "uncollectible"]
    for value in words:
        error(writer.send(method, path, whole | {name: value}), 400, f"{name} must be {said}")
    others: list[Any] = [1, True, [], {}]
    for value in others:
        error(writer.send(method, path, whole | {name: value}), 400)


NUMBERS = {
    ("POST", "/api/usage"): ["quantity"],
    ("POST", "/api/subscriptions"): ["startDate"],
    ("POST", "/api/plans"): ["baseAmount", "trialDays", "unitPrice", "freeUnits"],
    ("PATCH", "/api/plans"): ["baseAmount", "trialDays", "unitPrice", "freeUnits"],
    ("PATCH", "/api/invoices"): ["amountPaid", "paidDate"],
}
FIGURES = [(*one, name) for one, names in NUMBERS.items() for name in names]
HUGE = [b"9" * 20, b"9" * 400, b"9" * 5000, b"1e16", b"1e999", b"1e99999", b"9007199254740992"]
WRONG = [
    b"-1",
    b"-0.5",
    b"-1e3",
    b"true",
    b"false",
    b'"x"',
    b'"1e3"',
    b'""',
    b"[]",
    b"{}",
    b"0.0000001",
    b"1e-7",
]


FIGURES_THAT_ARE_NONE = [*HUGE, *WRONG, b'"-1"', b'"\\u0661"']


@pytest.mark.parametrize(("method", "path", "name"), FIGURES)
def test_numbers_that_are_none(writer: Api, players: Cast, method: str, path: str, name: str) -> None:
    for raw in FIGURES_THAT_ARE_NONE:
        _, whole = players.request(method, path)
        if path == "/api/plans" and method == "POST":
            whole |= {"pricingModel": "hybrid", "usageMetric": "m", "unitPrice": 1}
        fields = b", ".join(_pair(key, value) for key, value in whole.items() if key != name)
        answer = writer.send(method, path, b"{" + fields + b', "' + name.encode() + b'": ' + raw + b"}")
        assert error(answer, 400).startswith(f"{name} ")
        hold(answer)


def _pair(key: str, value: Any) -> bytes:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return f'"{key}": {shown}'.encode()


METADATA = [
    b"[]",
    b"1",
    b'"x"',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"a": "\\ud800"}',
    b'{"a": 1e999}',
    b'{"a": 99999999999999999999}',
    b'{"a": "' + b"x" * 20_000 + b'"}',
    b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
    b'{"a": ' + DEEP + b"}",
]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/usage"), ("POST", "/api/customers"), ("PATCH", "/api/customers")]
)
def test_metadata_that_cannot_be_kept(writer: Api, players: Cast, method: str, path: str) -> None:
    for raw in METADATA:
        _, whole = players.request(method, path)
        fields = b", ".join(_pair(key, value) for key, value in whole.items())
        answer = writer.send(method, path, b"{" + fields + b', "metadata": ' + raw + b"}")
        said = error(answer, 400)
        assert said.startswith("metadata ") or said == "Invalid JSON body"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\xe9"])
def test_keys_that_are_none(writer: Api, players: Cast, key: str) -> None:
    for method, path in OPERATIONS:
        if method == "GET":
            continue
        address, body = players.request(method, path)
        headers = {b"Idempotency-Key": key.encode("latin-1")}
        content = None if body is None else json.dumps(body)
        answer = writer.http.request(method, address, content=content, headers=headers)
        error(answer, 400, "Idempotency-Key must be 1 to 255 printable ASCII characters")
        hold(answer)


def test_the_media_type_does_not_matter(writer: Api) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"):
        answer = writer.http.post(
            "/api/customers",
            content=f'{{"email": "{abs(hash(media))}@example.com"}}',
            headers={"content-type": media},
        )
        assert answer.status_code == 201
