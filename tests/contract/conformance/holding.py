"""Holding an answer of the running server against the document of its contract."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from .documents import Contract, operation_of


def hold(response: httpx2.Response) -> Any:
    """The answer's body, as it was read (None without one, bytes where it is no JSON).

    Raises AssertionError unless the document of the contract that was asked tells of this answer: status, content type,
    every field and its type, and that a number of ``format: double`` was written with a point. LookupError for an
    address or a method that no contract has.
    """
    request = response.request
    contract, operation = operation_of(request.method.replace("HEAD", "GET"), request.url.path)
    where = (request.method, str(request.url), response.status_code, response.text[:2000])
    described = operation.said["responses"].get(str(response.status_code))
    assert described is not None, ("a status that the document does not tell of", *where)
    content = contract.resolved(described).get("content")
    if content is None or request.method == "HEAD":
        assert not response.content, ("a body that the document does not tell of", *where)
        return None
    media = response.headers["content-type"]
    assert media in content, ("a content type that the document does not tell of", media, *where)
    if not media.endswith("json"):
        return response.content
    body, schema = json.loads(response.text), content[media]["schema"]
    faults = [f"{fault.instance_path}: {fault}" for fault in contract.validator(schema).iter_errors(body)]
    faults += _numbers(contract, schema, body, "")
    assert not faults, (faults, *where)
    return body


def _numbers(contract: Contract, schema: Mapping[str, Any], value: Any, where: str) -> list[str]:
    """Where a number that always has a point was written without one."""
    schema = contract.resolved(schema)
    found: list[str] = []
    for part in schema.get("allOf", ()):
        found += _numbers(contract, part, value, where)
    for part in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        if contract.validator(part).is_valid(value):
            found += _numbers(contract, part, value, where)
    if schema.get("format") == "double" and type(value) is int:
        found.append(f"{where}: {value} has no point")
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                found += _numbers(contract, inner, value[name], f"{where}/{name}")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for at, one in enumerate(value):
            found += _numbers(contract, schema["items"], one, f"{where}/{at}")
    return found
