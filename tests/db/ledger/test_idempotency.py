"""One key, one effect: every command answers a repeat as it answered first, to the byte, whatever came since."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import jobs
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, KeyReused, NotFound

from .conftest import Timed
from .driver import CREDITS, Ledger, all_said, another, debit, rates, running, said, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

FAR = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
LABELS = command.Labels(
    reference="order-7",
    description="a “quoted” ünicode line",
    metadata={"b": [1, 2.5, None], "a": {"z": "é"}},
)

Case = Callable[[Ledger, int], Awaitable[AnyCommand]]


async def _grant(ledger: Ledger, account: int) -> AnyCommand:
    return command.Grant(
        account=account, credit_type=CREDITS, amount=7_500_001, source="purchase", priority=3, expires_at=FAR,
        paid_minor=1999, currency="USD", labels=LABELS,
    )  # fmt: skip


async def _grant_that_repays(ledger: Ledger, account: int) -> AnyCommand:
    await ledger.overdraft(account, 100)
    await ledger.debit(account, 1060)
    return command.Grant(account=account, credit_type=CREDITS, amount=200)


async def _debit(ledger: Ledger, account: int) -> AnyCommand:
    return debit(account, 70, labels=LABELS)


async def _usage(ledger: Ledger, account: int) -> AnyCommand:
    return command.Debit(account=account, credit_type=None, operation="render", quantity=2_500_000)


async def _hold(ledger: Ledger, account: int) -> AnyCommand:
    return command.Hold(account=account, credit_type=CREDITS, amount=70, expires_in=60, labels=LABELS)


async def _extend(ledger: Ledger, account: int) -> AnyCommand:
    return command.Extend(account=account, hold=await ledger.hold(account, 50), amount=20, expires_in=7200)


async def _capture(ledger: Ledger, account: int) -> AnyCommand:
    return command.Capture(account=account, hold=await ledger.hold(account, 50), amount=20)


async def _capture_more(ledger: Ledger, account: int) -> AnyCommand:
    hold = await ledger.hold(account, 50)
    return command.Capture(account=account, hold=hold, amount=80, final=True, overage="debit")


async def _report(ledger: Ledger, account: int) -> AnyCommand:
    return command.Report(account=account, hold=await ledger.hold(account, 50), amount=20)


async def _release(ledger: Ledger, account: int) -> AnyCommand:
    return command.Release(account=account, hold=await ledger.hold(account, 50))


async def _reverse(ledger: Ledger, account: int) -> AnyCommand:
    entry = await ledger.debit(account, 50)
    return command.Reverse(account=account, entry=entry.seq, amount=30, reason="a mistake")


async def _reverse_grant(ledger: Ledger, account: int) -> AnyCommand:
    return command.Reverse(account=account, entry=(await ledger.grant(account, 50)).seq)


async def _refund(ledger: Ledger, account: int) -> AnyCommand:
    grant = await ledger.grant(account, 50, source="purchase", paid_minor=500, currency="USD")
    return command.Refund(account=account, grant=grant.seq, amount=40, reason="returned")


async def _transfer(ledger: Ledger, account: int) -> AnyCommand:
    return transfer(account, await ledger.account(), 40)


async def _adjust(ledger: Ledger, account: int) -> AnyCommand:
    return command.Adjust(
        account=account, credit_type=CREDITS, direction="credit", amount=5, reason="goodwill"
    )


async def _adjust_down(ledger: Ledger, account: int) -> AnyCommand:
    return command.Adjust(
        account=account, credit_type=CREDITS, direction="debit", amount=5, reason="miscount"
    )


async def _set_overdraft(ledger: Ledger, account: int) -> AnyCommand:
    return command.SetOverdraft(account=account, credit_type=CREDITS, overdraft=55)


async def _short_debit(ledger: Ledger, account: int) -> AnyCommand:
    return debit(account, 1_000_000)


async def _short_hold(ledger: Ledger, account: int) -> AnyCommand:
    return command.Hold(account=account, credit_type=CREDITS, amount=1_000_000, expires_in=60)


async def _capture_of_ended(ledger: Ledger, account: int) -> AnyCommand:
    hold = await ledger.hold(account, 50)
    await ledger.do(command.Release(account=account, hold=hold))
    return command.Capture(account=account, hold=hold, amount=20)


async def _capture_above(ledger: Ledger, account: int) -> AnyCommand:
    return command.Capture(account=account, hold=await ledger.hold(account, 50), amount=51)


CASES: dict[str, Case] = {
    name.removeprefix("_"): case
    for name, case in list(globals().items())
    if name.startswith("_") and asyncio.iscoroutinefunction(case)
}
KINDS = {"grant", "debit", "hold", "extend", "capture", "report", "release", "reverse", "refund", "transfer",
         "adjust", "set_overdraft"}  # fmt: skip


def test_every_kind_of_command_has_a_case() -> None:
    assert set(CASES) >= KINDS


@pytest.mark.parametrize("case", CASES)
async def test_a_repeat_answers_to_the_byte(timed: Timed, case: str) -> None:
    ledger, clock = timed.ledger, timed.clock
    account = await ledger.account(1000)
    asked = await CASES[case](ledger, account)
    before = await count_rows(ledger)
    first = await ledger.ask(asked, key="k")
    done = await count_rows(ledger)
    answers = [await ledger.ask(asked, key="k")]
    assert await count_rows(ledger) == done
    await much_else(ledger, account, asked)
    await clock.shift(timedelta(days=29))
    await jobs.purge_outcomes(ledger.db)
    async with running(ledger.db) as other:
        answers.append(await ledger.ask(asked, key="k", lanes=other))
    if isinstance(first, Answer):
        assert done != before
        await clock.shift(timedelta(days=700))
        await jobs.sweep(ledger.db, rates)
        await jobs.purge_outcomes(ledger.db)
        answers.append(await ledger.ask(asked, key="k"))
        assert [one.replayed for one in (first, *answers) if isinstance(one, Answer)] == [
            False, True, True, True,
        ]  # fmt: skip
    else:
        assert isinstance(first, InsufficientCredits | Conflict)
        assert done[:2] == before[:2]
        assert done[2] == before[2] + 1
    assert set(all_said(answers)) == {said(first)}
    with pytest.raises(KeyReused):
        await ledger.do(debit(account, 3, operation="other"), key="k")


async def count_rows(ledger: Ledger) -> tuple[int, ...]:
    """How many entries, holds and kept outcomes there are."""
    query = "select (select count(*) from entry), (select count(*) from hold), (select count(*) from outcome)"
    return (await ledger.sql(query))[0]


async def much_else(ledger: Ledger, account: int, asked: AnyCommand) -> None:
    """Change everything that the first answer told of."""
    await ledger.overdraft(account, 500)
    await ledger.grant(account, 10_000, priority=1)
    hold = getattr(asked, "hold", None)
    if hold is not None:
        await ledger.ask(command.Capture(account=account, hold=hold, amount=1, final=True))
    await ledger.debit(account, 300)
    await ledger.hold(account, 11)


async def test_a_decline_is_forgotten_after_thirty_days(timed: Timed) -> None:
    ledger = timed.ledger
    account = await ledger.account(10)
    asked = debit(account, 11)
    with pytest.raises(InsufficientCredits) as declined:
        await ledger.do(asked, key="k")
    assert (declined.value.needed, declined.value.available) == (11, 10)
    await ledger.grant(account, 100)
    await timed.clock.shift(timedelta(days=29, hours=23))
    assert await jobs.purge_outcomes(ledger.db) == 0
    with pytest.raises(InsufficientCredits):
        await ledger.do(asked, key="k")
    await timed.clock.shift(timedelta(days=30, seconds=1))
    assert await jobs.purge_outcomes(ledger.db) == 1
    assert (await ledger.do(asked, key="k")).replayed is False


async def test_a_decline_without_a_clients_key_writes_nothing(ledger: Ledger) -> None:
    account = await ledger.account(10)
    before = await ledger.sql("select (select count(*) from outcome), txid_current_if_assigned()")
    with pytest.raises(InsufficientCredits):
        await ledger.debit(account, 11)
    assert before == await ledger.sql("select (select count(*) from outcome), txid_current_if_assigned()")


async def test_what_is_not_stored_is_decided_anew(ledger: Ledger) -> None:
    """Validation errors and unknown objects leave the key free."""
    account = await ledger.account(10)
    for refused in (
        command.Release(account=account, hold=1),
        debit(account, 0),
        debit(account, -5),
        command.Grant(
            account=account, credit_type=CREDITS, amount=5, expires_at=datetime(2020, 1, 1, tzinfo=UTC)
        ),
    ):
        assert isinstance(await ledger.ask(refused, key="k"), NotFound | Invalid)
    assert (await ledger.debit(account, 5, key="k")).posted_after == 5


async def test_the_scope_of_a_key_is_the_account(ledger: Ledger) -> None:
    one, other = await ledger.accounts(2, 10)
    assert (await ledger.debit(one, 1, key="k")).account == one
    assert (await ledger.debit(other, 2, key="k")).account == other
    given = await ledger.do(transfer(one, other, 3), key="t")
    assert said(given) == said(await ledger.do(transfer(one, other, 3), key="t"))
    assert (await ledger.debit(other, 1, key="t")).posted_after == 10


async def test_the_same_key_a_hundred_times_at_once(ledger: Ledger) -> None:
    """From two processes, and from two tries of each client."""
    account = await ledger.account(100)
    async with another(ledger.url) as db, running(db) as elsewhere:
        asks = [ledger.ask(debit(account, 7), "k", lanes) for lanes in (ledger.lanes, elsewhere) * 50]
        answers = await asyncio.gather(*asks)
        holds = [
            ledger.ask(
                command.Hold(account=account, credit_type=CREDITS, amount=5, expires_in=60), "h", lanes
            )
            for lanes in (ledger.lanes, elsewhere) * 50
        ]
        held = await asyncio.gather(*holds)
        declines = await asyncio.gather(
            *[ledger.ask(debit(account, 1000), "d", lanes) for lanes in (ledger.lanes, elsewhere) * 50]
        )
    for results in (answers, held, declines):
        assert len(set(all_said(results))) == 1
    assert sum(isinstance(one, Answer) and not one.replayed for one in answers) == 1
    assert await ledger.wallet(account) == (93, 5, 0)
    assert len({said(one) for one in declines}) == 1


async def test_a_key_that_comes_again_with_another_body_at_once(ledger: Ledger) -> None:
    account = await ledger.account(100)
    results: list[Result] = await asyncio.gather(
        *[ledger.ask(debit(account, 1 + n % 2), "k") for n in range(40)]
    )
    refused = [result for result in results if isinstance(result, KeyReused)]
    assert len(refused) == 20
    assert await ledger.wallet(account) == (99, 0, 0)
