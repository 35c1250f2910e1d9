"""Whatever is sent for payments and webhooks, with real ids: an answer that the document tells of, never a 5xx."""

from typing import Any

import pytest
import schemathesis
from schemathesis.core.result import Ok

from tests.contract.native.test_commerce_access import OPERATIONS, known, served  # noqa: F401 - a fixture
from tests.contract.native.test_schema import _faults_of
from tests.contract.served import Api, House

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]


def test_no_request_breaks_the_server(house: House, api: Api, known: dict[str, str]) -> None:  # noqa: F811
    document = api.get("/v2/openapi.json").json()
    wanted = {path for _, path in served(document)}
    paths = {path: rows for path, rows in document["paths"].items() if path in wanted}
    for rows in paths.values():
        for row in rows.values():
            _use(row, known | {"credit_type": "credits"})
    schema = schemathesis.openapi.from_dict({**document, "paths": paths})
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(OPERATIONS)
    try:
        assert not [fault for operation in operations for fault in _faults_of(house, operation, 20)]
    finally:  # other tests share the server
        for path in ("/v2/gateways/sandbox", "/v2/gateways/manual", "/v2/payment-policy"):
            api.send("PUT", path, {"standard": True} if path.endswith("sandbox") else {})


def _use(operation: Any, ids: dict[str, str]) -> None:
    """Have paths name what is there: an id that is made up is not found, and no more is learnt."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "string", "enum": [ids[parameter["name"]]]}
