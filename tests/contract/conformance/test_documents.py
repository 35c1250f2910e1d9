"""Every document that is written by hand: whole in itself, closed, with examples that fit, and what is served."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tallystick.http.contract import slash_forms
from tallystick.routes import Nothing
from tests.contract.served import Api

from .documents import Contract, contracts, written
from .published import Shown, published

# what a store need not say of an app
NOT_TOLD = {
    "id", "appId", "url", "icon", "summary", "description", "reviews", "histogram", "currency", "released", "updated",
    "contentRating", "developerId", "developerEmail", "developerWebsite", "screenshots", "requiredOsVersion", "genres",
    "languages", "size", "releaseNotes",
}  # fmt: skip
# answers' fields that may be left out; a schema requires all others. Fields of bodies may be left out where they may.
LEFT_OUT = {
    "credibill": {"nextCursor"},
    "igny8": {"date_joined", "errors"},
    "practice": {"package", "reference"},
    "appvector": {"code", "reset_period"} | NOT_TOLD,
}
# whose bodies may have fields that nobody knows: the framework behind the contract ignores them
OPEN_BODIES = {"appvector"}
# examples that were published with something in them that cannot be, or that we decided otherwise
SHOWN_OTHERWISE = {
    "POST /api/auth/google/ 201",  # an address that its page hides
    "GET /api/me/ 200",
    "POST /api/aso/android-history/ 200",  # seven changes, of which it lists six
    "GET /api/billing/credits/ 200",  # a second row that leaves fields out
    "GET /api/billing/invoices/ 200",  # a link to somebody else's server
}
# beside the document's own addresses
ALIASES = {"igny8": ("", "/api")}

COMPOSED = {"$ref", "const", "items", "anyOf", "oneOf", "allOf", "properties", "additionalProperties"}


@pytest.fixture(params=written())
def contract(request: pytest.FixtureRequest) -> Contract:
    return contracts()[request.param]


def test_its_addresses_and_methods_are_what_is_served_in_both_slash_forms(contract: Contract) -> None:
    nothing: Any = Nothing()
    served = {
        (method, route.path)
        for route in contract.dialect.api(nothing).routes
        for method in route.methods - {"HEAD"}
    }
    documented = {
        (one.method, start + form)
        for one in contract.operations
        for start in ALIASES.get(contract.name, ("",))
        for form in slash_forms(one.path)
    }
    assert documented == served
    prefixes = contract.dialect.PREFIXES
    assert all(path.startswith(prefixes) for _, path in documented)


def test_its_parameters(contract: Contract) -> None:
    for one in contract.operations:
        named = contract.parameters(one)
        in_path = {name for name, said in named.items() if said["in"] == "path"}
        assert in_path == {part[1:-1] for part in one.path.split("/") if part.startswith("{")}, one.name
        assert ("Idempotency-Key" in named) is (one.method != "GET"), one.name
        for name, said in named.items():
            assert "example" in said, (one.name, name)
            assert contract.validator(said["schema"]).is_valid(said["example"]), (one.name, name)


def test_every_object_is_closed_and_requires_what_is_always_there(contract: Contract) -> None:
    asked, left_out = set(_bodies(contract)), LEFT_OUT.get(contract.name, set())
    # what others are made of is closed by those
    parts = {one.rpartition("/")[2] for _, schema in contract.schemas() for one in _parts(schema)}
    for where, schema in contract.schemas():
        if "properties" not in schema:
            continue
        closed = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
        of_a_body = where.partition(".")[0] in asked or " request " in where
        open_body = of_a_body and contract.name in OPEN_BODIES
        assert closed is False or where in parts or ".allOf" in where or open_body, where
        if not of_a_body:
            missing = schema["properties"].keys() - set(schema.get("required", ())) - left_out
            assert not missing, (where, missing)


def test_every_example_fits_and_every_field_has_one(contract: Contract) -> None:
    for where, schema in contract.schemas():
        if "example" in schema:
            faults = [str(fault) for fault in contract.validator(schema).iter_errors(schema["example"])]
            assert not faults, (where, faults)
        for name, inner in schema.get("properties", {}).items():
            assert inner.keys() & ({"example"} | COMPOSED), (where, name)
    for one in contract.operations:
        for where, media in contract.contents(one):
            for example in _examples(media):
                faults = [str(fault) for fault in contract.validator(media["schema"]).iter_errors(example)]
                assert not faults, (one.name, where, faults)


def test_every_operation_says_what_it_is_and_how_it_refuses(contract: Contract) -> None:
    for one in contract.operations:
        assert one.said["operationId"], one.name
        assert one.said["summary"], one.name
        assert any(status.startswith("2") for status in one.said["responses"]), one.name
        assert "503" in one.said["responses"], one.name
        for status, said in one.said["responses"].items():
            assert contract.resolved(said)["description"], (one.name, status)
    ids = [one.said["operationId"] for one in contract.operations]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("shown", published(), ids=lambda shown: f"{shown.operation} {shown.where}")
def test_the_published_example_fits(shown: Shown) -> None:
    """Names, types and values; what we answer beside them may not be there."""
    contract = contracts()[shown.contract]
    [operation] = [one for one in contract.operations if one.name == shown.operation]
    [schema] = [
        media["schema"]
        for where, media in contract.contents(operation)
        if where == f"{shown.where} application/json"
    ]
    validator = contract.validator(schema) if shown.where == "request" else contract.lenient(schema)
    faults = [str(fault) for fault in validator.iter_errors(shown.value)]
    assert not faults, faults


@pytest.mark.parametrize(
    "shown",
    [one for one in published() if one.contract == "appvector"],
    ids=lambda shown: f"{shown.operation} {shown.where}",
)
def test_what_was_published_is_the_example(shown: Shown) -> None:
    """Whoever reads our document finds the examples that they know."""
    contract = contracts()[shown.contract]
    [operation] = [one for one in contract.operations if one.name == shown.operation]
    examples = [
        example
        for where, media in contract.contents(operation)
        if where == f"{shown.where} application/json"
        for example in _examples(media)
    ]
    if f"{shown.operation} {shown.where}" in SHOWN_OTHERWISE:
        assert examples
    else:
        assert shown.value in examples or json.loads(shown.text) in examples


def test_nothing_of_a_document_is_unused(contract: Contract) -> None:
    text = json.dumps(contract.document)
    for kind in ("schemas", "responses", "parameters"):
        for name in contract.document["components"].get(kind, {}):
            assert f'"#/components/{kind}/{name}"' in text, (kind, name)


def test_its_tags(contract: Contract) -> None:
    """Each is told of, and has something."""
    listed = [one["name"] for one in contract.document["tags"]]
    used = [tag for one in contract.operations for tag in one.said["tags"]]
    assert list(dict.fromkeys(used)) == listed


def test_the_documents_are_served_and_listed(nobody: Api) -> None:
    start = nobody.get("/docs/start.js").text
    for contract in contracts().values():
        address = getattr(contract.dialect, "OPENAPI", f"{contract.dialect.PREFIXES[0]}/openapi.yaml")
        assert nobody.get(address).status_code == 200
        assert f'{{ title: "{contract.title}", url: "{address}" }}' in start


def _parts(schema: Mapping[str, Any]) -> list[str]:
    return [one["$ref"] for one in schema.get("allOf", ()) if "$ref" in one]


def _bodies(contract: Contract) -> Iterator[str]:
    """The names of schemas that only bodies of requests lead to."""
    answered: set[str] = set()
    asked: set[str] = set()
    for one in contract.operations:
        for where, media in contract.contents(one):
            found = asked if where.startswith("request ") else answered
            found |= set(_led_to(contract, media["schema"]))
    yield from asked - answered


def _led_to(contract: Contract, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
            yield from _led_to(contract, contract.resolved(value))
        for inner in value.values():
            yield from _led_to(contract, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _led_to(contract, inner)


def _examples(media: Mapping[str, Any]) -> Iterator[Any]:
    if "example" in media:
        yield media["example"]
    for one in media.get("examples", {}).values():
        yield one["value"]
