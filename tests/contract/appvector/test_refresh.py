"""POST /api/token/refresh/"""

from typing import Any

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import House

from .conftest import bearer

pytestmark = pytest.mark.holds("appvector", "POST /api/token/refresh/")

PATH = "/api/token/refresh/"
REFUSED = {"detail": "Token is invalid or expired", "code": "token_not_valid"}


@pytest.mark.parametrize("path", ["/api/token/refresh", PATH])
def test_the_answer_is_the_documents(web: httpx2.Client, ann: dict[str, Any], path: str) -> None:
    answer = web.post(path, json={"refresh": ann["refresh"]})
    assert answer.status_code == 200
    body = hold(answer)
    assert list(body) == ["access"]
    assert web.get("/api/me/", headers=bearer(body["access"])).json()["id"] == ann["user"]["id"]


def test_it_does_not_rotate(web: httpx2.Client, ann: dict[str, Any]) -> None:
    fresh = [web.post(PATH, data={"refresh": ann["refresh"]}).json()["access"] for _ in range(3)]
    assert len({*fresh, ann["access"]}) == 4
    assert all(web.get("/api/me/", headers=bearer(one)).status_code == 200 for one in [*fresh, ann["access"]])


def test_tokens_that_do_not_do(web: httpx2.Client, ann: dict[str, Any]) -> None:
    head, body, signature = ann["refresh"].split(".")
    for token in [
        "REFRESH_TOKEN",
        ann["access"],
        ann["refresh"][:-4],
        f"{head}.{body}.{signature[::-1]}",
        f"{head}..{signature}",
        "a b",
        "é",
        "x" * 100_000,
    ]:
        answer = web.post(PATH, json={"refresh": token})
        assert (answer.status_code, hold(answer)) == (401, REFUSED), token[:50]
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


def test_each_kind_is_refused_at_the_other_endpoint(
    house: House, web: httpx2.Client, ann: dict[str, Any]
) -> None:
    first = house.first
    login = {"email": first.owner_email, "password": first.owner_password}
    signed = web.post("/v2/auth/login", json=login | {"mode": "live"})
    assert signed.status_code == 200, signed.text
    native = web.post(PATH, json={"refresh": signed.json()["refresh"]})
    assert (native.status_code, native.json()) == (401, REFUSED)
    assert web.post("/v2/auth/refresh", json={"refresh": ann["refresh"]}).status_code == 401
    # and neither was used up
    assert web.post(PATH, json={"refresh": ann["refresh"]}).status_code == 200


def test_fields_that_are_wrong(web: httpx2.Client) -> None:
    answer = web.post(PATH, json={"token": "x"})
    assert (answer.status_code, hold(answer)) == (400, {"refresh": ["This field is required."]})
