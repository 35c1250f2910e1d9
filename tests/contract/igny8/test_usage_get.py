"""GET /v1/billing/credits/usage/"""

from typing import Any

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.ledger import commands
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import parse_credits
from tests.contract.conformance.holding import hold

from .conftest import Stage, error

pytestmark = [pytest.mark.anyio, pytest.mark.holds("igny8", "GET /v1/billing/credits/usage/")]

USAGE = "/v1/billing/credits/usage/"


async def rows(stage: Stage, **query: Any) -> list[dict[str, Any]]:
    answer = await stage.get(USAGE, **query)
    assert answer.status_code == 200, answer.text
    return list(hold(answer)["data"]["results"])


async def spend(stage: Stage, amount: str, cost: Any = None, **fields: Any) -> None:
    said = None if cost is None else {"cost_usd": cost}
    await stage.debit(amount, labels=commands.Labels(metadata=said), **fields)


async def test_the_documents_example_to_the_letter(stage: Stage) -> None:
    await stage.grant("100")
    used = (await stage.debit("10", operation="clustering")).entry
    assert used is not None
    assert (await stage.get(USAGE)).text == (
        '{"success":true,"data":{"results":[{"id":2,"operation_type":"clustering","credits_used":10,'
        f'"cost_usd":"0.10","created_at":"{iso_seconds(used.effective_at)}"}}],'
        '"count":1,"next":null,"previous":null}}'
    )


async def test_debits_and_captures_alone_are_usage(stage: Stage) -> None:
    me = stage.account.account_id
    await stage.grant("100")
    await stage.grant("9", credit_type="api_calls")
    await stage.debit("9", credit_type="api_calls", operation="search")
    used = (await stage.debit("1")).entry
    held = await stage.hold("10")
    await stage.do(commands.Capture(account=me, hold=held, amount=parse_credits("4"), final=True))
    assert used is not None
    await stage.do(commands.Reverse(account=me, entry=used.seq))
    await stage.do(
        commands.Adjust(account=me, credit_type="credits", direction="debit", amount=1, reason="Fix")
    )
    found = await rows(stage)
    assert [(row["id"], row["operation_type"], row["credits_used"]) for row in found] == [
        (5, "other", 4),
        (4, "other", 1),
    ]
    assert [row["id"] for row in await rows(stage, page=2, page_size=1)] == [4]
    error(await stage.get(USAGE, page=3, page_size=1), 404, "Invalid page.")


COSTS: list[tuple[Any, str]] = [
    ("0.0123", "0.0123"),
    ("12", "12.00"),
    ("0", "0.00"),
    (0, "0.00"),
    (3, "3.00"),
    (0.1, "0.10"),
    (1e-7, "0.0000001"),
    (2.5, "2.50"),
    ("999999999999.99", "999999999999.99"),
    ("0.123456789012345678", "0.12345678901235"),
    # nothing that is a cost: the credits' price stands
    ("-1", "0.05"),
    (-0.5, "0.05"),
    ("", "0.05"),
    ("1e3", "0.05"),
    ("1,5", "0.05"),
    ("NaN", "0.05"),
    ("٣", "0.05"),
    (True, "0.05"),
    ([1], "0.05"),
    ({"usd": 1}, "0.05"),
    (1e300, "0.05"),
    (10**15, "0.05"),
    ("1" * 13, "0.05"),
]


async def test_a_cost_that_the_caller_reported(stage: Stage) -> None:
    await stage.grant("1000")
    for cost, _ in COSTS:
        await spend(stage, "5", cost)
    found = await rows(stage, page_size=100)
    assert [row["cost_usd"] for row in reversed(found)] == [shown for _, shown in COSTS]


async def test_else_the_exact_credits_at_their_price(stage: Stage) -> None:
    await stage.grant("9000000000")
    for amount in ("0.5", "0.000001", "10", "8999999000"):
        await spend(stage, amount)
    found = await rows(stage)
    assert [(row["credits_used"], row["cost_usd"]) for row in reversed(found)] == [
        (1, "0.005"),
        (0, "0.00000001"),
        (10, "0.10"),
        (8999999000, "89999990.00"),
    ]


async def test_the_types_own_price(stage: Stage) -> None:
    await stage.grant("100")
    await spend(stage, "2.5")
    for price, shown in ((2_500_000, "0.0625"), (1, "0.000000025"), (10**15, "25000000.00"), (None, "0.025")):
        async with stage.system.db.tx() as tx:
            await catalog.set_unit_price(tx, stage.tenant, "credits", price, by="test")
        assert [row["cost_usd"] for row in await rows(stage)] == [shown]


async def test_a_price_in_another_currency_is_no_price_in_dollars(stage: Stage) -> None:
    await stage.grant("100")
    await spend(stage, "10")
    async with stage.system.db.tx() as tx:
        await catalog.set_unit_price(tx, stage.tenant, "credits", 50_000_000, by="test")
        await tx.execute("update tenant set currency = 'UGX' where id = %s", [stage.tenant])
    assert [row["cost_usd"] for row in await rows(stage)] == ["0.10"]
