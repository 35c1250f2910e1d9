"""Whatever is sent, in the document's forms or near them: an answer that the document tells of, never a 5xx."""

import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.contract.served import Api, House

from .conftest import DOCUMENT, OPERATIONS, Product

SECONDS = 15.0

# what schemathesis draws with the random module (it warns of it in some cases) only costs a repeatable example
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def test_no_request_breaks_the_server(house: House, writer: Api) -> None:
    ids = _ids(Product(writer))
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(OPERATIONS)
    faults = [fault for one in operations for fault in _faults_of(house, one, SECONDS / len(operations), ids)]
    assert not faults


def _ids(product: Product) -> dict[str, str]:
    """Objects that there are: without them every request would end at an id that nobody has."""
    subscription = product.active()
    found = product.get_subscription(subscription)
    return {
        "subscriptionId": subscription,
        "customerId": found["customerId"],
        "planId": found["planId"],
        "invoiceId": found["invoices"][0]["_id"],
    }


def _faults_of(
    house: House, operation: Any, seconds: float, ids: dict[str, str]
) -> list[tuple[str, int, str]]:
    """What an operation answered that its document does not tell of: the request, the status, the body."""
    # gathered, not raised: a server has a state, so a repeated request need not fail again
    faults: list[tuple[str, int, str]] = []
    described = set(operation.definition.raw["responses"])
    end = time.monotonic() + seconds
    sane, mad = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(sane, mad), real=st.booleans())
    def send(case: Any, real: bool) -> None:
        if time.monotonic() > end:
            return
        for fields in (case.body, case.query) if real else ():
            if isinstance(fields, dict):
                fields.update({name: id for name, id in ids.items() if name in fields})
        case.headers = {**(case.headers or {}), "Authorization": "Bearer " + house.keys["write"]}
        response = case.call(base_url=house.url)
        if response.status_code >= 500 or str(response.status_code) not in described | {"405"}:
            faults.append((case.as_curl_command(), response.status_code, response.text))

    send()
    return faults
