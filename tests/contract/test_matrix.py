"""Every operation of every contract, by everybody who may not: refused as documented, without data, changing nothing.

The operations come from the documents, so one that is added is tried by all. What is refused exactly by which role or
scope within the native contract, its own tests of access say.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conformance.documents import Operation, contracts
from tests.contract.conformance.holding import hold
from tests.contract.conformance.scene import FOREIGN_KEYS, FOREIGN_USERS, KEYS, OUTSIDERS, Scene
from tests.contract.conformance.state import state
from tests.contract.conformance.tiers import stocked
from tests.contract.native.furnishing import SECRET
from tests.contract.served import Api, House

# the native contract last: it can take away what the others ask for
CONTRACTS = sorted((name for name, one in contracts().items() if one.operations), key="native".__eq__)
ORDER = ("GET", "PUT", "PATCH", "POST", "DELETE")
USERS_ONLY = ("igny8", "account")
"""Contracts in which a key signs nobody in."""
OF_USERS = {"GET /api/me/"}
"""The same of single operations."""
ACCOUNT_ASKED = ("igny8", "account", "appvector")
"""Contracts in which a user who names no account means their home."""
KEYS_ONLY = ("credibill",)
OF_ADMINS = {
    "igny8": {
        "POST /v1/billing/credit-packages/{id}/purchase/",
        "PATCH /v1/account/settings/",
        "POST /v1/account/team/",
        "DELETE /v1/account/team/{id}/",
    },
    "practice": {"POST /api/credits/purchase/"},
    "appvector": {
        "POST /api/billing/subscription/upgrade/",
        "POST /api/billing/subscription/downgrade/",
        "POST /api/billing/subscription/cancel/",
        "POST /api/billing/stripe/checkout/",
        "POST /api/billing/stripe/checkout/credits/",
        "GET /api/billing/stripe/portal/",
    },
}
"""What a member of the account may not unless they are its admin or owner."""
OF_STAFF = {"POST /api/billing/credits/bonus/"}
"""What no role in an account is enough for."""
OF_MEMBERS = ("appvector",)
"""Contracts in which a viewer may do nothing but read."""
READS_BY_POST = {
    "POST /v2/plans/{plan}/quote",
    "POST /v2/features/check",
    "POST /v2/subscriptions/{subscription}/change/preview",
    "POST /api/billing/features/check/",
}
"""What changes nothing: a key that may only read, may."""
WRITES_BY_GET = {"GET /api/billing/stripe/portal/"}
OF_NO_ACCOUNT = {"GET /api/me/"}
"""What a user asks about themselves."""
BATCHES = {"POST /v2/batch", "POST /v2/usage/batch"}
"""Each command in it is answered for itself."""
OF_ONESELF = {"PUT /v2/me/home", "POST /v2/auth/password/change"}
"""What any signed-in user may do, and no key."""
OF_THE_APP = "/v2/users"
"""Users are the app's, the same in both of its modes; a test key changes none."""
MEMBERS = tuple(f"{role} here" for role in ("viewer", "member", "admin", "owner"))


@pytest.fixture(scope="module")
def house(server: Any, template: str) -> Iterator[House]:
    """A server that has two stores to ask."""
    with stocked(server, template, f"tallystick_matrix_{os.getpid()}") as house:
        yield house


@pytest.fixture(scope="module")
def scene(house: House) -> Scene:
    with house.client("admin") as api:
        return Scene(house, api)


@pytest.fixture(scope="module")
def clients(scene: Scene) -> Iterator[dict[str, Api]]:
    with scene.clients() as clients:
        yield clients


def refusals(operation: Operation, who: str, names: bool) -> set[int]:
    """The statuses by which this one is refused; none where they may, or may ask about what is their own."""
    contract = operation.contract
    writes = operation.method != "GET" and operation.name not in READS_BY_POST
    writes = writes or operation.name in WRITES_BY_GET
    if operation.said.get("security") == []:
        return set()
    key, user = who in (*KEYS, *FOREIGN_KEYS), who in (*MEMBERS, *FOREIGN_USERS)
    of_users = contract in USERS_ONLY or operation.name in OF_USERS
    if who in OUTSIDERS or (key and of_users) or (user and contract in KEYS_ONLY):
        return {401}
    if contract in ACCOUNT_ASKED and who in (*FOREIGN_USERS, *FOREIGN_KEYS):
        # each names the account by a header
        return (
            set() if operation.name in OF_NO_ACCOUNT else {403, 404} if operation.name in OF_STAFF else {404}
        )
    if who == "read" and writes:
        return {403}
    if operation.name in OF_ONESELF:
        return {403} if key else {404} if who in FOREIGN_USERS and names else set()
    if contract == "native":
        if who == "test" and operation.path.startswith(OF_THE_APP):
            return {403, 404} if writes else set()
        if who in FOREIGN_KEYS and names:
            return {200} if operation.name in BATCHES else {404}
        if (who in FOREIGN_USERS and (names or writes)) or (who == "viewer here" and writes):
            return {403, 404}
        return set()
    if who in (*FOREIGN_KEYS, *FOREIGN_USERS):
        return {404} if names else set()
    if who in ("viewer here", "member here") and operation.name in OF_ADMINS.get(contract, ()):
        return {403}
    if contract in OF_MEMBERS and who == "viewer here" and operation.method != "GET":
        return {403}
    if operation.name in OF_STAFF and (user or who == "write"):
        return {403}
    return set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_who_may_not_is_told_so_and_changes_nothing(
    house: House, scene: Scene, clients: dict[str, Api], contract: str
) -> None:
    before, wrong = state(house), []
    for operation in contracts()[contract].operations:
        asked = scene.request(operation)
        for who, client in clients.items():
            wanted = refusals(operation, who, asked.names)
            if not wanted:
                continue
            answer = scene.send(client, asked)
            if answer.status_code not in wanted:
                wrong.append((operation.name, who, answer.status_code, wanted, answer.text[:300]))
                continue
            body = hold(answer)
            assert SECRET not in answer.text
            if operation.name in BATCHES and answer.status_code == 200:
                assert {one["status"] for one in body["results"]} == {404}
    assert not wrong
    assert state(house) == before


@pytest.mark.parametrize("contract", CONTRACTS)
def test_who_asks_about_their_own_sees_nothing_of_others(
    scene: Scene, clients: dict[str, Api], contract: str
) -> None:
    """Reads that name nothing: strangers get theirs, and not a word of the first customer's."""
    for operation in contracts()[contract].operations:
        asked = scene.request(operation, about=False)
        if operation.method != "GET" or asked.names:
            continue
        for who in (*FOREIGN_KEYS, *FOREIGN_USERS):
            answer = scene.send(clients[who], asked, about=False)
            # a key has no account of its own to mean
            good = {200, 401, 403, 404} | ({400} if who in FOREIGN_KEYS else set())
            assert answer.status_code in good, (operation.name, who, answer.text)
            hold(answer)
            if answer.status_code == 200 and who != "owner elsewhere" and operation.path != OF_THE_APP:
                seen = [name for name, text in scene.secrets().items() if text in answer.text]
                assert not seen, (operation.name, who, seen)


@pytest.mark.parametrize("who", FOREIGN_USERS)
def test_ids_of_others_are_of_no_use_in_ones_own_account(
    house: House, scene: Scene, clients: dict[str, Api], who: str
) -> None:
    before, tried = state(house), 0
    for contract in ACCOUNT_ASKED:
        for operation in contracts()[contract].operations:
            # packages are sold to every account of the app; plans are told to anybody
            sold = who == "owner elsewhere" and "packages" in operation.path
            if "{" not in operation.path or sold or operation.said.get("security") == []:
                continue
            answer = scene.send(clients[who], scene.request(operation), about=False)
            assert answer.status_code == 404, (operation.name, answer.text)
            hold(answer)
            tried += 1
    assert tried
    assert state(house) == before


@pytest.mark.parametrize("contract", CONTRACTS)
def test_who_may_is_let_in(scene: Scene, clients: dict[str, Api], contract: str) -> None:
    """Else the refusals would say nothing. Reads first: a write may end what it names."""
    who = {"igny8": "owner here", "account": "owner here", "appvector": "owner here", "credibill": "write"}
    client = clients[who.get(contract, "admin")]
    wrong = []
    for operation in sorted(contracts()[contract].operations, key=lambda one: ORDER.index(one.method)):
        if operation.said.get("security") == []:
            continue
        answer = scene.send(client, scene.request(operation))
        if answer.status_code in (401, 404) or (operation.method == "GET" and answer.status_code != 200):
            wrong.append((operation.name, answer.status_code, answer.text[:300]))
        hold(answer)
    assert not wrong
