"""Whatever is sent, in the document's forms or near them: an answer that the document tells of, never a 5xx."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.contract.served import Api, House

# what schemathesis draws with the random module (it warns of it in some cases) only costs a repeatable example
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def test_no_request_breaks_the_server(house: House, nobody: Api) -> None:
    schema = schemathesis.openapi.from_dict(nobody.get("/webhooks/openapi.json").json())
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 2
    assert not [fault for operation in operations for fault in _faults_of(house, operation)]


def _faults_of(house: House, operation: Any) -> list[tuple[str, int, str]]:
    """What an operation answered that its document does not tell of: the request, the status, the body."""
    faults: list[tuple[str, int, str]] = []
    described = {*operation.definition.raw["responses"], "405"}
    sane, mad = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(sane, mad))
    def send(case: Any) -> None:
        response = case.call(base_url=house.url)
        if response.status_code >= 500 or str(response.status_code) not in described:
            faults.append((case.as_curl_command(), response.status_code, response.text))

    send()
    return faults
