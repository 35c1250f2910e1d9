"""The OpenAPI document: FastAPI's own for its routes, completed with the hot ones, our answers and errors."""

from collections.abc import Iterable
from typing import Any, Final, get_args

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .table import Media

REF: Final = "#/components/schemas/"

DESCRIPTION: Final = """Credits and billing: an exact ledger that says, inside each request, whether a customer may
spend, and records that they did.

Send `Authorization: Bearer` with an API key (`cb_live_...` or `cb_test_...`; live and test data never meet) or an
access token. `{account}` is an account's id (`acct_...`) or `ext:` and your own id of it. Credits are accepted as
integers or decimal strings and answered as decimal strings.

Any POST may carry an `Idempotency-Key`: the same request again gives the first answer again, with
`Idempotent-Replayed: true`; another request under the same key is refused. Errors are problem+json (RFC 9457), and
their `code` never changes its meaning.

What webhook endpoints are sent stands under `webhooks`, a body for each type of event: `event`, `data`, `timestamp`
and `app_id`, signed as Standard Webhooks says. `GET /v2/events` shows the same data. Money is a decimal string of the
major unit beside a `currency` there, and an object of minor units in the answers here."""

TAGS: Final = [
    {"name": "Accounts", "description": "Who owns credits."},
    {"name": "Ledger", "description": "Grants, debits, holds, and what undoes them."},
    {"name": "Books", "description": "Reading what happened, and why."},
    {"name": "Catalog", "description": "Credit types and what operations cost."},
    {"name": "Subscriptions", "description": "What customers are subscribed to."},
    {"name": "Entitlements", "description": "What accounts may use, and using it."},
    {"name": "Invoices", "description": "What customers owe: invoices, credit notes, taxes."},
    {"name": "Payments", "description": "Taking money: checkouts, payments, refunds, disputes."},
    {"name": "Payment settings", "description": "Gateways, and what is done with money by rule."},
    {"name": "Access", "description": "API keys, sign-in, passwords, the audit log."},
    {"name": "People", "description": "Users, the members of accounts, and who is asking."},
    {"name": "Usage", "description": "Usage events, and the meters that add them up."},
    {"name": "Webhooks", "description": "What happened, and telling others of it: events, webhooks, e-mail."},
    {
        "name": "App stores",
        "description": "Which apps were fetched from the app stores, and what was searched for.",
    },
    {"name": "Reloads", "description": "Buying credits automatically, and alerts of low balances."},
    {
        "name": "Test clock",
        "description": "An app's own time in test mode, moved on to see what time brings.",
    },
    {"name": "Requests", "description": "Request statistics."},
]

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["insufficient_credits"]},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "additionalProperties": True,
}

_SAID: Final = {
    "400": "The body is not JSON.",
    "401": "No credential, or one that is not valid.",
    "402": "Too few credits, or units of a feature: `needed` and `available` or `remaining` say how many.",
    "403": "The credential may not do this.",
    "404": "There is no such object for this credential.",
    "409": "The object's state does not allow it; `code` says which.",
    "413": "The body is too large.",
    "422": "A value has the wrong form, or an idempotency key came with another request.",
    "429": "Too many attempts.",
    "503": "Not now: nothing is known to have changed; send it again with the same key.",
}

KEY_HEADER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "The same request again under this key has no second effect.",
}


def problems(*statuses: str) -> dict[int | str, dict[str, Any]]:
    """The responses of these statuses."""
    content = {"application/problem+json": {"schema": {"$ref": REF + "Problem"}}}
    return {status: {"description": _SAID[status], "content": content} for status in statuses}


def answer(struct: Any, description: str, *, listed: bool = False) -> dict[str, Any]:
    """A response whose body is this struct, or one of a union's; ``listed``: a page of them. ``bytes`` is a PDF."""
    if struct is bytes:
        media = {"schema": {"type": "string", "format": "binary"}}
        return {"description": description, "content": {"application/pdf": media}}
    refs = [{"$ref": REF + one.__name__} for one in get_args(struct) or (struct,)]
    schema: dict[str, Any] = refs[0] if len(refs) == 1 else {"anyOf": refs}
    if listed:
        schema = {
            "type": "object",
            "required": ["data", "next_cursor"],
            "properties": {
                "data": {"type": "array", "items": schema},
                "next_cursor": {"type": ["string", "null"]},
            },
        }
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def request_body(
    form: type[BaseModel], example: Any, *, required: bool, also: Iterable[Media] = ()
) -> dict[str, Any]:
    """A hot route's body."""
    content = {"application/json": _media(form, example)}
    content |= {other.name: _media(other.form, other.example) for other in also}
    return {"required": required, "content": content}


def _media(form: type[BaseModel], example: Any) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": f"{REF}{form.__name__}Request"}}
    if example is not None:
        media["example"] = example
    return media


def path_parameters(path: str) -> list[dict[str, Any]]:
    """The parameters of a template, as hot routes have them."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def document(
    api: FastAPI, forms: list[type[BaseModel]], structs: list[Any], webhooks: dict[str, Any]
) -> dict[str, Any]:
    """The OpenAPI document of the native contract. No two things in it may have one name."""
    whole = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        tags=TAGS,
        routes=api.routes,
    )
    schemas = whole.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _, made = models_json_schema(
        [(form, "validation") for form in forms], ref_template=REF + "{model}Request"
    )
    schemas |= {name + "Request": schema for name, schema in made.get("$defs", {}).items()}
    _, shown = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    assert not (set(schemas) & set(shown)), set(schemas) & set(shown)
    schemas |= shown
    schemas["Problem"] = _PROBLEM
    whole["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    whole["security"] = [{"bearer": []}]
    whole["webhooks"] = webhooks
    return whole
