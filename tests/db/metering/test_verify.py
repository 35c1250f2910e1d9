"""`tallystick verify` of what was metered: the books of these tests hold, and a row that lies is named."""

import pytest

from tallystick.db.pool import run
from tallystick.domain.metering.verify import verify

from .conftest import Metering

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("lie", "check"),
    [
        ("update usage_hour set sum = sum + 1", "usage_hours"),
        ("update usage_hour set count = count + 1", "usage_hours"),
        ("delete from usage_hour", "usage_hours"),
        ("update usage_event set quantity = quantity + 1", "usage_hours"),
        ("update usage_event set deleted_at = now()", "usage_hours"),
        ("delete from usage_key", "usage_keys"),
        ("update usage_key set id = gen_random_uuid()", "usage_keys"),
        ("update usage_event set entry = entry + 7", "usage_debits"),
        ("update usage_event set operation = 'other'", "usage_debits"),
    ],
)
async def test_a_row_that_lies_is_named(metering: Metering, lie: str, check: str) -> None:
    await metering.price(sms=2)
    await metering.grant(10)
    metering.plan.debit(metering.account, sms="sms")
    await metering.recorded("sms", event_id="one")
    assert await verify(metering.db) == []
    metering.altered = True
    async with metering.db.tx() as tx:
        await run(tx, "reset role")
        await run(tx, lie)
    faults = await verify(metering.db, metering.account)
    assert {fault.check for fault in faults} == {check}
    assert all(fault.uuid is not None for fault in faults)
