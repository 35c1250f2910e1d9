"""The OpenAPI document, the contract's own tables and the running server say the same, field by field."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from tallystick.dialects.account import routes
from tallystick.domain.ledger import commands
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported

from .conftest import Stage

# account.txt, "Schema", word for word
TABLES = {
    "UsageStats": """
        user_id integer, period string, total_requests integer, successful_requests integer,
        failed_requests integer, credits_consumed float, requests_by_endpoint object, period_start datetime,
        period_end datetime""",
    "CreditBalance": """
        user_id integer, balance float, reserved float, available float, currency string,
        last_updated datetime, auto_reload_enabled boolean, auto_reload_threshold float,
        auto_reload_amount float""",
    "CreditLedgerEntry": """
        id integer, user_id integer, type string, amount float, balance_after float, description string,
        reference string, metadata object, created_at datetime""",
    "AccountSummary": """
        user_id integer, email string, credit_balance CreditBalance, subscription Subscription,
        usage_this_month UsageStats, total_requests_all_time integer, account_created_at datetime,
        last_login_at datetime""",
}
# account.txt, "Query Parameters"
PARAMETERS = {
    "/auth/account/usage": "period string, from string, to string",
    "/auth/account/credits": "",
    "/auth/account/ledger": "type string, from string, to string, limit integer, offset integer",
    "/auth/account/summary": "",
}
NULLABLE = {"subscription", "last_login_at"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

DOCUMENT: dict[str, Any] = yaml.safe_load(routes.openapi())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def table(text: str) -> dict[str, str]:
    return dict(line.split() for line in text.split(",") if line.strip())


def type_of(schema: dict[str, Any]) -> str:
    """A schema in the contract's words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return type_of(next(one for one in schema["anyOf"] if one.get("type") != "null"))
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "number":
        return "float"
    return "datetime" if schema.get("format") == "date-time" else str(kind)


def check(schema: dict[str, Any], value: Any, where: str) -> None:
    """Hold a value read from JSON against a schema. A number must have been written with a point."""
    if "$ref" in schema:
        return check(SCHEMAS[type_of(schema)], value, where)
    if "anyOf" in schema:
        kinds = [one for one in schema["anyOf"] if (one.get("type") == "null") is (value is None)]
        return check(kinds[0], value, where)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    python = {"integer": int, "number": float, "string": str, "boolean": bool, "object": dict, "array": list}
    if value is None:
        assert "null" in kinds, where
        return None
    assert any(type(value) is python.get(kind) for kind in kinds), (where, value)
    assert "enum" not in schema or value in schema["enum"], (where, value)
    assert "minimum" not in schema or value >= schema["minimum"], (where, value)
    if schema.get("format") == "date-time":
        assert TIME.fullmatch(value), (where, value)
    for item in value if "items" in schema else ():
        check(schema["items"], item, f"{where}[]")
    if "properties" in schema:
        assert list(value) == schema["required"] == list(schema["properties"]), where
        for name, inner in schema["properties"].items():
            check(inner, value[name], f"{where}.{name}")
    elif isinstance(schema.get("additionalProperties"), dict):
        for name, inner in value.items():
            check(schema["additionalProperties"], inner, f"{where}.{name}")
    return None


@pytest.mark.parametrize("name", TABLES)
def test_the_documents_fields_are_the_contracts(name: str) -> None:
    properties = SCHEMAS[name]["properties"]
    assert {field: type_of(schema) for field, schema in properties.items()} == table(TABLES[name])
    nullable = {field for field, schema in properties.items() if "null" in json.dumps(schema)}
    assert nullable == NULLABLE & properties.keys()


def test_the_documents_addresses_and_parameters_are_the_contracts() -> None:
    assert DOCUMENT["paths"].keys() == PARAMETERS.keys()
    for path, parameters in PARAMETERS.items():
        assert DOCUMENT["paths"][path].keys() == {"get"}
        found = {
            one["name"]: one["schema"]["type"]
            for one in DOCUMENT["paths"][path]["get"]["parameters"]
            if "$ref" not in one
        }
        assert found == table(parameters)


def test_every_field_and_parameter_has_an_example_that_fits() -> None:
    for name, schema in SCHEMAS.items():
        for field, inner in schema["properties"].items():
            if type_of(inner) not in SCHEMAS and type_of(inner) != "array" and "properties" not in inner:
                check(inner, inner["example"], f"{name}.{field}")
    for path in DOCUMENT["paths"].values():
        assert all("$ref" in one or "example" in one for one in path["get"]["parameters"])


@pytest.mark.anyio
@pytest.mark.parametrize("path", PARAMETERS)
async def test_the_servers_answers_fit_the_document(stage: Stage, path: str) -> None:
    responses = DOCUMENT["paths"][path]["get"]["responses"]

    async def fits(status: int, **asked: Any) -> None:
        answer = await stage.get(path, **asked)
        assert answer.status_code == status
        shown = responses[str(status)]
        if "$ref" in shown:
            shown = DOCUMENT["components"]["responses"][shown["$ref"].rpartition("/")[2]]
        assert answer.headers["content-type"] in shown["content"]
        check(shown["content"][answer.headers["content-type"]]["schema"], json.loads(answer.text), path)

    await fits(200)
    labels = commands.Labels(reference="pay_1", description="Pack", metadata={"a": {"b": [1, 2.5]}})
    await stage.grant("100", source="purchase", labels=labels)
    await stage.debit("10")
    await stage.hold("5")
    item = Reported(stage.account.account_id, "/search", 200, datetime.now(UTC))
    async with stage.system.db.tx() as tx:
        await metering.report(tx, stage.tenant, [item])
    await fits(200)
    await fits(401, token="nobody")
    await fits(404, headers={"x-account": "999"})
    if "400" in responses:
        await fits(400, from_="soon")
