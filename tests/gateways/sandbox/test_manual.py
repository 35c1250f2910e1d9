"""Bank transfer promises nothing by itself: staff say what came."""

from typing import Any

import pytest

from tallystick.domain.payments.port import GatewayRefused
from tallystick.gateways.manual import Manual
from tallystick.kernel.errors import Invalid

from .bank import Bank

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "options",
    [{"iban": "x"}, {"title": 7}, {"title": "x" * 101}, {"instructions": "x" * 2001}, {"title": "\0"}],
)
def test_options_are_title_and_instructions(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Manual().check_options(options)


def test_good_options_stay_as_they_are() -> None:
    options = {"title": "Bank transfer", "instructions": "IBAN GB33 …\nBIC …"}
    assert Manual().check_options(options) == options


async def test_a_refund_waits_for_staff_and_a_charge_is_no_use(bank: Bank) -> None:
    paid = await bank.charges(await bank.saves("4242"))
    bank.gateway = Manual()  # type: ignore[assignment]
    assert (await bank.refunds(paid, 100)).status == "pending"
    with pytest.raises(GatewayRefused):
        await bank.charges("any")
