"""GET /auth/account/ledger"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.ledger import commands
from tallystick.kernel.clock import iso, iso_seconds
from tallystick.kernel.credits import parse_credits
from tests import cast

from .conftest import Stage, TimedStage

pytestmark = [pytest.mark.anyio, pytest.mark.holds("account", "GET /auth/account/ledger")]

LEDGER = "/auth/account/ledger"


@pytest.fixture
async def told(stage: Stage) -> Stage:
    """One entry of every kind but an expiry, in a known order."""
    me = stage.account.account_id
    other = (await cast.globex(stage.system.db, stage.tenant)).account_id
    labels = commands.Labels(
        reference="pay_1", description="Starter pack", metadata={"invoice": 7, "list": [1.5, None]}
    )
    bought = await stage.grant("1000", source="purchase", labels=labels)  # 1
    await stage.grant("5", source="promo", priority=0)  # 2
    used = await stage.debit("2.5", operation="clustering")  # 3
    hold = await stage.hold("100", labels=commands.Labels(reference="job_9"))
    await stage.do(commands.Capture(account=me, hold=hold, amount=parse_credits("40"), final=True))  # 4
    assert used.entry is not None
    assert bought.entry is not None
    undo = commands.Reverse(
        account=me, entry=used.entry.seq, amount=parse_credits("0.5"), reason="Half failed"
    )
    await stage.do(undo)  # 5
    send = commands.Transfer(account=me, to=other, credit_type="credits", amount=parse_credits("10"))
    await stage.do(send)  # 6
    adjust = commands.Adjust(
        account=me, credit_type="credits", direction="credit", amount=parse_credits("1"), reason="Goodwill"
    )
    await stage.do(adjust)  # 7
    refund = commands.Refund(
        account=me, grant=bought.entry.seq, amount=parse_credits("100"), reason="Money back"
    )
    await stage.do(refund)  # 8
    await stage.grant("3", other)
    await stage.grant("77", credit_type="api_calls")  # 9, of another wallet
    return stage


def shown(body: Any) -> list[tuple[int, str, float]]:
    return [(entry["id"], entry["type"], entry["amount"]) for entry in body["data"]]


async def test_an_empty_ledger(quiet: Stage) -> None:
    assert (await quiet.get(LEDGER)).text == '{"data":[],"total":0,"limit":50,"offset":0}'


async def test_every_field_literally(stage: Stage) -> None:
    labels = commands.Labels(reference="pay_1", description="Starter pack", metadata={"invoice": 7})
    first = (await stage.grant("100", source="purchase", labels=labels)).entry
    second = (await stage.debit("12.5", operation="clustering")).entry
    assert first is not None
    assert second is not None
    user = stage.user.number
    assert (await stage.get(LEDGER)).text == (
        f'{{"data":[{{"id":2,"user_id":{user},"type":"debit","amount":-12.5,"balance_after":87.5,'
        '"description":"Usage: clustering","reference":"","metadata":{},'
        f'"created_at":"{iso_seconds(second.effective_at)}"}},'
        f'{{"id":1,"user_id":{user},"type":"credit","amount":100.0,"balance_after":100.0,'
        '"description":"Starter pack","reference":"pay_1","metadata":{"invoice":7},'
        f'"created_at":"{iso_seconds(first.effective_at)}"}}],'
        '"total":2,"limit":50,"offset":0}'
    )


async def test_kinds_become_types_and_amounts_are_signed(told: Stage) -> None:
    body = await told.body(LEDGER)
    types = {entry["id"]: (entry["type"], entry["description"]) for entry in body["data"]}
    amounts = [entry["amount"] for entry in body["data"]]
    kinds = {
        "Starter pack": "credit",
        "Grant: promo": "credit",
        "Usage: clustering": "debit",
        "Half failed": "adjustment",
        "Transfer": "adjustment",
        "Goodwill": "adjustment",
        "Money back": "adjustment",
    }
    for description, kind in kinds.items():
        assert kind in [found for found, said in types.values() if said == description], description
    assert ("debit", "Usage") in types.values()  # the capture
    for entry, before in zip(body["data"], body["data"][1:], strict=False):
        assert entry["balance_after"] == pytest.approx(before["balance_after"] + entry["amount"])
    assert body["data"][0]["balance_after"] == (await told.body("/auth/account/credits"))["balance"]
    assert 77.0 not in amounts
    assert [entry["id"] for entry in body["data"]] == sorted(types, reverse=True)


async def test_an_expiry_is_an_adjustment(timed: TimedStage) -> None:
    now = datetime.now(UTC)
    await timed.grant("5", expires_at=now + timedelta(days=1))
    await timed.at(now + timedelta(days=2))
    await timed.grant("1")
    body = await timed.body(LEDGER)
    assert shown(body) == [(3, "credit", 1.0), (2, "adjustment", -5.0), (1, "credit", 5.0)]
    assert body["data"][1]["description"] == "Expiry"


async def test_filter_by_type(told: Stage) -> None:
    everything = (await told.body(LEDGER))["data"]
    for kind in ("credit", "debit", "adjustment"):
        body = await told.body(LEDGER, type=kind)
        assert body["data"] == [entry for entry in everything if entry["type"] == kind]
        assert body["total"] == len(body["data"]) > 0


async def test_pages(told: Stage) -> None:
    everything = (await told.body(LEDGER))["data"]
    pages = []
    for offset in range(0, len(everything) + 2, 2):
        body = await told.body(LEDGER, limit=2, offset=offset)
        assert (body["total"], body["limit"], body["offset"]) == (len(everything), 2, offset)
        pages += body["data"]
    assert pages == everything
    assert (await told.body(LEDGER, limit=100))["data"] == everything
    assert (await told.body(LEDGER, offset=999_999_999_999_999))["data"] == []


async def test_filter_by_time(stage: Stage) -> None:
    moments = []
    for _ in range(3):
        entry = (await stage.grant("1")).entry
        assert entry is not None
        moments.append(entry.effective_at)
    _, second, third = map(iso, moments)
    assert [row[0] for row in shown(await stage.body(LEDGER, from_=second))] == [3, 2]
    assert [row[0] for row in shown(await stage.body(LEDGER, to=third))] == [2, 1]
    assert [row[0] for row in shown(await stage.body(LEDGER, from_=second, to=third))] == [2]
    assert shown(await stage.body(LEDGER, from_=third, to=third)) == []
    assert (await stage.body(LEDGER, from_=second, to=third))["total"] == 1
    assert (await stage.body(LEDGER, from_="2020-01-01", to="2020-02-01"))["total"] == 0
    assert (await stage.body(LEDGER, from_="0001-01-02", to="9999-12-31"))["total"] == 3
    assert (await stage.body(LEDGER, from_="2999-01-01"))["total"] == 0


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "grant"}, "type"),
        ({"type": ""}, "type"),
        ({"type": "CREDIT"}, "type"),
        ({"limit": "101"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "5.0"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "٥"}, "limit"),
        ({"limit": "1" * 400}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "x"}, "offset"),
        ({"offset": "9223372036854775808"}, "offset"),
        ({"from": "yesterday"}, "from"),
        ({"from": ""}, "from"),
        ({"from": "2026-13-01"}, "from"),
        ({"from": "٢٠٢٦-01-01"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"to": "1700000000"}, "to"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from"),
    ],
)
async def test_a_bad_parameter_is_named(quiet: Stage, query: dict[str, str], named: str) -> None:
    answer = await quiet.client.get(LEDGER, params=query, headers={"authorization": f"Bearer {quiet.token}"})
    assert answer.status_code == 400
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message"}
    assert body["error"]["code"] == "invalid_request"
    assert body["error"]["message"].startswith(named + " ")
