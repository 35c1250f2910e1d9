"""GET /v1/billing/transactions/"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tallystick.domain.ledger import commands
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import parse_credits
from tests import cast
from tests.contract.conformance.holding import hold

from .conftest import Stage, TimedStage, error

pytestmark = [pytest.mark.anyio, pytest.mark.holds("igny8", "GET /v1/billing/transactions/")]

TRANSACTIONS = "/v1/billing/transactions/"


async def page(stage: Stage, **query: Any) -> dict[str, Any]:
    answer = await stage.get(TRANSACTIONS, **query)
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert list(body) == ["success", "data"]
    assert list(body["data"]) == ["results", "count", "next", "previous"]
    return dict(body["data"])


async def test_before_the_first_credit(stage: Stage) -> None:
    assert (await stage.get(TRANSACTIONS)).text == (
        '{"success":true,"data":{"results":[],"count":0,"next":null,"previous":null}}'
    )


async def test_the_documents_example_to_the_letter(stage: Stage) -> None:
    made = (await stage.grant("100", labels=commands.Labels(description="Initial credits"))).entry
    assert made is not None
    assert (await stage.get(TRANSACTIONS)).text == (
        '{"success":true,"data":{"results":[{"id":1,"amount":100,"transaction_type":"grant",'
        f'"description":"Initial credits","created_at":"{iso_seconds(made.effective_at)}","balance_after":100}}],'
        '"count":1,"next":null,"previous":null}}'
    )


async def test_every_kind_of_entry_has_its_type(stage: Stage) -> None:
    me = stage.account.account_id
    other = (await cast.globex(stage.system.db, stage.tenant)).account_id
    bought = await stage.grant("1000", source="purchase")  # 1
    await stage.grant("50", source="plan")  # 2
    await stage.grant("7", source="promo")  # 3
    await stage.grant("1", source="adjustment")  # 4
    used = await stage.debit("2.5", operation="clustering")  # 5
    held = await stage.hold("100")
    await stage.do(commands.Capture(account=me, hold=held, amount=parse_credits("40"), final=True))  # 6
    assert used.entry is not None
    assert bought.entry is not None
    half = parse_credits("0.5")
    await stage.do(commands.Reverse(account=me, entry=used.entry.seq, amount=half, reason="Half failed"))  # 7
    await stage.do(
        commands.Transfer(account=me, to=other, credit_type="credits", amount=parse_credits("10"))
    )  # 8
    await stage.do(
        commands.Adjust(
            account=me, credit_type="credits", direction="debit", amount=half, reason="Miscounted"
        )
    )  # 9
    await stage.do(
        commands.Refund(account=me, grant=bought.entry.seq, amount=parse_credits("100"), reason="Money back")
    )  # 10
    await stage.grant("77", credit_type="api_calls")  # 11, of another wallet
    found = await page(stage)
    assert [tuple(row.values())[:4] for row in found["results"]] == [
        (10, -100, "refund", "Money back"),
        (9, -1, "adjustment", "Miscounted"),
        (8, -10, "adjustment", "Credit transfer"),
        (7, 1, "refund", "Half failed"),
        (6, -40, "deduction", "Usage"),
        (5, -3, "deduction", "Usage: clustering"),
        (4, 1, "adjustment", "Adjustment"),
        (3, 7, "grant", "Credits granted"),
        (2, 50, "subscription", "Plan credits"),
        (1, 1000, "purchase", "Credit purchase"),
    ]
    running = 0
    for row in reversed(found["results"]):
        running += row["amount"]
        assert row["balance_after"] == running


async def test_what_expired_is_a_transaction(timed: TimedStage) -> None:
    now = datetime.now(UTC)
    await timed.grant("5", expires_at=now + timedelta(days=1))
    await timed.at(now + timedelta(days=2))
    await timed.do(commands.EndDue(account=timed.account.account_id))
    found = (await page(timed))["results"]
    assert tuple(found[0].values())[:4] == (2, -5, "expiry", "Credits expired")
    assert found[0]["balance_after"] == 0


async def test_rows_of_no_whole_credit_are_there_too(stage: Stage) -> None:
    await stage.grant("1.2")
    for _ in range(4):
        await stage.debit("0.3")
    rows = (await page(stage))["results"]
    assert [(row["amount"], row["balance_after"]) for row in rows] == [
        (0, 0),
        (0, 0),
        (0, 0),
        (-1, 0),
        (1, 1),
    ]


async def test_pages_go_on_by_their_links(stage: Stage) -> None:
    for n in range(45):
        await stage.grant(str(n + 1))
    first = await page(stage)
    assert [row["id"] for row in first["results"]] == [*range(45, 25, -1)]
    assert (first["count"], first["previous"]) == (45, None)
    assert first["next"] == "http://test/v1/billing/transactions/?page=2"
    seen, at = [row["id"] for row in first["results"]], first
    while at["next"] is not None:
        link = urlsplit(at["next"])
        at = await page(stage, **{name: value[0] for name, value in parse_qs(link.query).items()})
        seen += [row["id"] for row in at["results"]]
    assert seen == [*range(45, 0, -1)]
    assert at["previous"] == "http://test/v1/billing/transactions/?page=2"
    sized = await page(stage, page_size=10, page=2, search="a b&c=ü")
    assert [row["id"] for row in sized["results"]] == [*range(35, 25, -1)]
    query = "page_size=10&page={}&search=a+b%26c%3D%C3%BC"
    assert urlsplit(sized["next"]).query == query.format(3)
    assert urlsplit(sized["previous"]).query == query.format(1)
    whole = await page(stage, page_size=100)
    assert (len(whole["results"]), whole["next"], whole["previous"]) == (45, None, None)
    alias = await stage.get("/api" + TRANSACTIONS)
    assert alias.json()["data"]["next"] == "http://test/api/v1/billing/transactions/?page=2"


async def test_while_rows_come_the_count_is_of_the_rows_that_are_shown(stage: Stage) -> None:
    """One that is less would leave out the link to the last page."""
    await stage.grant("1000")

    async def spend() -> None:
        for _ in range(60):
            await stage.debit("1")

    async def look() -> None:
        for _ in range(20):
            found = (await stage.body(TRANSACTIONS, page_size=100))["data"]
            assert found["count"] == len(found["results"]) == found["results"][0]["id"]

    await asyncio.gather(spend(), look(), look())


async def test_a_page_that_is_not_there(stage: Stage) -> None:
    for text in ("2", "0", "-1", "1.5", "last", "", " 1", "٢", "9" * 15, "9" * 400, "1\x00"):
        answer = await stage.get(TRANSACTIONS, page=text)
        error(answer, 404, "Invalid page.")
        hold(answer)
    assert (await stage.get(TRANSACTIONS, page="1")).status_code == 200


async def test_a_size_that_is_none(stage: Stage) -> None:
    wrong = "The request has fields that are wrong."
    integer, low, high = (
        "A valid integer is required.",
        "Ensure this value is greater than or equal to 1.",
        "Ensure this value is less than or equal to 100.",
    )
    cases = {"0": low, "-5": low, "101": high, "9" * 400: high, "ten": integer, "": integer, "1.5": integer}
    for text, message in cases.items():
        answer: httpx2.Response = await stage.get(TRANSACTIONS, page_size=text)
        error(answer, 400, wrong, {"page_size": [message]})
        hold(answer)
