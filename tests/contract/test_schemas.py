"""Whatever is sent to any contract, in its document's forms or near them: what the document tells of, never a 5xx."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx2
import pytest

from tallystick.http.contract import slash_forms
from tests.contract.conformance.documents import contracts
from tests.contract.conformance.fuzzing import Effort, broken_requests, faults
from tests.contract.conformance.holding import hold
from tests.contract.conformance.scene import Scene
from tests.contract.conformance.tiers import stocked
from tests.contract.served import Api, House

# what schemathesis draws with the random module (it warns of it in some cases) only costs a repeatable example
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

CREDENTIALS = {"native": "admin", "credibill": "write", "practice": "write"}
"""Which key asks; in the others the account's owner does."""
EFFORT = {
    "native": Effort(4, 15),
    "credibill": Effort(30, 6),
    "igny8": Effort(20, 5),
    "practice": Effort(30, 3),
    "account": Effort(20, 2),
    "appvector": Effort(12, 10),
}
LONG = Effort(60, 150)
STRIDE = {"native": 11}
"""One of so many broken requests is sent, where operations are many; all of them in the long form."""
CONTRACTS = [name for name, contract in contracts().items() if contract.operations]


@pytest.fixture(scope="module")
def house(server: Any, template: str) -> Iterator[House]:
    """A server with a Google and two stores that answer."""
    with stocked(server, template, f"tallystick_schemas_{os.getpid()}") as house:
        yield house


@pytest.fixture(scope="module")
def scene(house: House) -> Scene:
    with house.client("admin") as api:
        return Scene(house, api)


def credential(house: House, scene: Scene, contract: str) -> str:
    name = CREDENTIALS.get(contract)
    return scene.tokens["owner here"] if name is None else house.keys[name]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_request_breaks_the_server(house: House, scene: Scene, contract: str) -> None:
    document = contracts()[contract].document
    said = credential(house, scene, contract)
    assert not faults(house.url, document, said, scene.known, EFFORT[contract])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_request_breaks_the_server_for_long(house: House, scene: Scene, contract: str) -> None:
    document = contracts()[contract].document
    said = credential(house, scene, contract)
    assert not faults(house.url, document, said, scene.known, LONG)


def test_no_provider_breaks_the_server(house: House, nobody: Api) -> None:
    document = nobody.get("/webhooks/openapi.json").json()
    assert len(document["paths"]) == 2
    assert not faults(house.url, document, None, {}, Effort(8, 4))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_broken_bodies_and_parameters_in_both_slash_forms(house: House, scene: Scene, contract: str) -> None:
    """Numbers, texts and shapes that are none, deep and huge ones: each a refusal that the document tells of."""
    send_broken(house, scene, contract, STRIDE.get(contract, 1))


@pytest.mark.long
@pytest.mark.parametrize("contract", STRIDE)
def test_every_broken_body_and_parameter(house: House, scene: Scene, contract: str) -> None:
    send_broken(house, scene, contract, 1)


def send_broken(house: House, scene: Scene, contract: str, stride: int) -> None:
    """Each operation gets every ``stride``-th of its broken requests, the next one others than the last."""
    wrong: list[Any] = []

    def see(answer: httpx2.Response) -> None:
        if answer.status_code >= 500 or answer.is_redirect:
            wrong.append((answer.request.method, str(answer.request.url)[:200], answer.text[:200]))
        else:
            hold(answer)

    with house.client(credential(house, scene, contract)) as client:
        client.http.headers["Content-Type"] = "application/json"
        for at, operation in enumerate(contracts()[contract].operations):
            asked = scene.request(operation)
            forms = slash_forms(asked.path) if contracts()[contract].written else (asked.path,)
            broken = broken_requests(contracts()[contract], operation, asked)
            for turn, (query, body) in enumerate(islice(broken, at % stride, None, stride)):
                path = forms[turn % len(forms)]
                see(client.http.request(asked.method, path, params=query, content=body))
    assert not wrong
