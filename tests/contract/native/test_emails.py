"""/v2/emails: the outbox"""

import pytest

from tallystick.domain.mail import actions as mail
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds("native", "GET /v2/emails", "GET /v2/emails/{email}")

VALUES = {"url": "https://shop.example/", "endpoint": "we_1", "reason": "gone", "failures": "3"}


def written(house: House, key: str, to: str = "ann@acme.example") -> None:
    async def write() -> None:
        async with house.system.db.tx() as tx:
            await mail.queue(tx, house.first.app.live, "endpoint_disabled", to, key=key, values=VALUES)

    house.run(write())


def test_list_and_read(house: House, api: Api, reader: Api, stranger: Api) -> None:
    written(house, "one")
    written(house, "one")
    written(house, "two", "bob@acme.example")
    newest, oldest = reader.get("/v2/emails").json()["data"]
    assert (newest["recipient"], oldest["recipient"]) == ("bob@acme.example", "ann@acme.example")
    assert newest["subject"] == "A webhook endpoint was disabled: https://shop.example/"
    assert "410 Gone" in newest["body"]
    assert (newest["kind"], newest["status"], newest["attempts"]) == ("endpoint_disabled", "queued", 0)
    assert newest["id"].startswith("mail_")
    assert reader.get(f"/v2/emails/{newest['id']}").json() == newest
    assert reader.get("/v2/emails", status="sent").json()["data"] == []
    assert reader.get("/v2/emails", account=api.account()).json()["data"] == []
    first = reader.get("/v2/emails", limit=1).json()
    assert reader.get("/v2/emails", limit=1, cursor=first["next_cursor"]).json()["data"] == [oldest]
    assert fields_of(problem(reader.get("/v2/emails", status="lost"), 422, "invalid_request")) == ["status"]
    problem(stranger.get(f"/v2/emails/{newest['id']}"), 404, "not_found")
    assert stranger.get("/v2/emails").json()["data"] == []
