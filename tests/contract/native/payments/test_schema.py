"""Whatever is sent to the addresses of payments: an answer that the document tells of, never a 5xx. With real ids."""

from typing import Any

import pytest
import schemathesis
from schemathesis.core.result import Ok

from tests.contract.native.test_schema import _faults_of
from tests.contract.served import Api, House

from .paying import bought, checkout, method_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

AREAS = (
    "/v2/checkouts",
    "/v2/payment",
    "/v2/refunds",
    "/v2/disputes",
    "/v2/gateways",
    "/v2/portal-sessions",
)


def test_no_request_breaks_the_server(house: House, api: Api) -> None:
    account = api.account(external_id="customer-1")
    known = {
        "checkout": checkout(api, account)["id"],
        "payment": bought(api, account)["id"],
        "method": method_of(api, account),
        "account": account,
        "gateway": "manual",
    }
    known["refund"] = api.post("/v2/refunds", {"payment": known["payment"], "amount": 1}).json()["id"]
    disputed = bought(api, account, card="0259")["id"]
    known["dispute"] = api.get("/v2/disputes", payment=disputed).json()["data"][0]["id"]
    document = api.get("/v2/openapi.json").json()
    wanted = {
        path: rows
        for path, rows in document["paths"].items()
        if path.startswith(AREAS) or "/payment-" in path
    }
    for rows in wanted.values():
        for row in rows.values():
            _use(row, known)
    schema = schemathesis.openapi.from_dict({**document, "paths": wanted})
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 27
    assert not [fault for operation in operations for fault in _faults_of(house, operation, 20)]


def _use(operation: Any, known: dict[str, str]) -> None:
    """Have paths name what is there: an id that is made up is not found, and no more is learnt."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "string", "enum": [known[parameter["name"]]]}
