"""The OpenAPI document has the contract's own tables, and the running server's answers fit it, field by field."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tallystick.domain.ledger import commands
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported
from tests.contract.conformance.documents import contracts
from tests.contract.conformance.holding import hold

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

CONTRACT = contracts()["account"]
SCHEMAS: dict[str, Any] = CONTRACT.document["components"]["schemas"]


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
        return "float" if schema["format"] == "double" else "number"
    return "datetime" if schema.get("format") == "date-time" else str(kind)


@pytest.mark.parametrize("name", TABLES)
def test_the_documents_fields_are_the_contracts(name: str) -> None:
    properties = SCHEMAS[name]["properties"]
    assert {field: type_of(schema) for field, schema in properties.items()} == table(TABLES[name])
    nullable = {field for field, schema in properties.items() if "null" in json.dumps(schema)}
    assert nullable == NULLABLE & properties.keys()


def test_the_documents_addresses_and_parameters_are_the_contracts() -> None:
    assert [one.name for one in CONTRACT.operations] == [f"GET {path}" for path in PARAMETERS]
    for one in CONTRACT.operations:
        found = {
            name: said["schema"]["type"]
            for name, said in CONTRACT.parameters(one).items()
            if said["in"] == "query"
        }
        assert found == table(PARAMETERS[one.path])


@pytest.mark.anyio
@pytest.mark.parametrize("path", PARAMETERS)
async def test_the_servers_answers_fit_the_document(stage: Stage, path: str) -> None:
    async def fits(status: int, **asked: Any) -> None:
        answer = await stage.get(path, **asked)
        assert answer.status_code == status
        body = hold(answer)
        if status == 200:
            assert list(body) == list(_schema(path)["properties"])

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
    if table(PARAMETERS[path]):
        await fits(400, from_="soon")


def _schema(path: str) -> dict[str, Any]:
    content = CONTRACT.document["paths"][path]["get"]["responses"]["200"]["content"]
    return dict(CONTRACT.resolved(content["application/json"]["schema"]))
