"""The OpenAPI documents of all contracts, and finding one's way in them."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple

import jsonschema_rs
import yaml

from tallystick import app
from tallystick.routes import Nothing

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Operation(NamedTuple):
    """``said`` is what the document has at its method; ``path`` as the document writes it."""

    contract: str
    method: str
    path: str
    said: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``GET /v1/billing/invoices/``, as the tests' marks have it."""
        return f"{self.method} {self.path}"


class Contract:
    """One dialect and its document. ``written``: by hand, and not made from the code."""

    def __init__(self, dialect: ModuleType, document: dict[str, Any], *, written: bool) -> None:
        self.name: str = dialect.NAME
        self.title: str = dialect.TITLE
        self.dialect = dialect
        self.document = document
        self.written = written
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self.operations: list[Operation] = [
            Operation(self.name, method.upper(), path, said)
            for path, rows in document["paths"].items()
            for method, said in rows.items()
            if method in METHODS
        ]

    def resolved(self, what: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a `$ref` leads to; anything else as it is."""
        while "$ref" in what:
            found: Any = self.document
            for step in what["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            what = found
        return what

    def parameters(self, operation: Operation) -> dict[str, Mapping[str, Any]]:
        """An operation's parameters by name, those of its path included."""
        listed = [
            *self.document["paths"][operation.path].get("parameters", ()),
            *operation.said.get("parameters", ()),
        ]
        found = [self.resolved(one) for one in listed]
        return {one["name"]: one for one in found}

    def validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        """Of a schema of this document. Times and dates are held to the contracts' own forms."""
        text = json.dumps(schema, sort_keys=True)
        if text not in self._validators:
            self._validators[text] = self._validator(self._whole(schema))
        return self._validators[text]

    def lenient(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        """Of a schema of this document whose required fields may be left out."""
        return self._validator(_without("required", self._whole(schema)))

    def _whole(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with those of the document's that it leads to, and no others: there are hundreds."""
        every = self.document.get("components", {}).get("schemas", {})
        needed, found = list(_names(schema)), {}
        while needed:
            name = needed.pop()
            if name not in found:
                found[name] = every[name]
                needed += _names(every[name])
        return {**schema, "components": {"schemas": found}}

    def _validator(self, whole: dict[str, Any]) -> jsonschema_rs.Validator:
        formats = {"date-time": TIME, "date": DATE} if self.written else {}
        return jsonschema_rs.Draft202012Validator(
            whole,
            validate_formats=True,
            formats={name: _matches(form) for name, form in formats.items()},
        )

    def schemas(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every schema of the document, the inner ones too, with where it stands."""
        for name, schema in self.document.get("components", {}).get("schemas", {}).items():
            yield from _within(name, schema)
        for operation in self.operations:
            for where, media in self.contents(operation):
                yield from _within(f"{operation.name} {where}", media["schema"])

    def contents(self, operation: Operation) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The media objects of an operation's body (``request ...``) and of its answers (``200 ...``)."""
        said = {"request": operation.said["requestBody"]} if "requestBody" in operation.said else {}
        for where, one in {**said, **operation.said["responses"]}.items():
            for kind, media in self.resolved(one).get("content", {}).items():
                yield f"{where} {kind}", media


@cache
def contracts() -> Mapping[str, Contract]:
    """By name: those with a document that is written by hand, and the native one."""
    nothing: Any = Nothing()
    found = {}
    for dialect in app.DIALECTS:
        if not hasattr(dialect, "OPENAPI"):
            document = yaml.safe_load(dialect.openapi())
            found[dialect.NAME] = Contract(dialect, document, written=True)
        elif dialect.NAME == "native":
            found[dialect.NAME] = Contract(dialect, dialect.api(nothing).openapi(), written=False)
    return found


def written() -> list[str]:
    """The names of the contracts whose document is written by hand."""
    return [name for name, contract in contracts().items() if contract.written]


def operation_of(method: str, path: str) -> tuple[Contract, Operation]:
    """Which operation serves an address, in either slash form. Raises LookupError."""
    bare = path.removeprefix("/api") if path.startswith("/api/v1/") else path
    for contract in contracts().values():
        for one in contract.operations:
            if one.method == method and _form(one.path).fullmatch(bare):
                return contract, one
    raise LookupError(f"no contract has {method} {path}")


@cache
def _form(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path.rstrip("/"))
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?")


def _matches(form: re.Pattern[str]) -> Any:
    return lambda text: form.fullmatch(text) is not None


def _names(value: Any) -> Iterator[str]:
    """Of the schemas that a value refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _without(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(key, inner) for name, inner in value.items() if name != key or inner is True}
    return [_without(key, inner) for inner in value] if isinstance(value, list) else value


def _within(where: str, schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield where, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _within(f"{where}.{name}", inner)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _within(f"{where}.{key}", schema[key])
    for key in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for at, inner in enumerate(schema.get(key, ())):
            yield from _within(f"{where}.{key}[{at}]", inner)
