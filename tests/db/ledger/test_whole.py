"""The books in whole credits: rows add up to the balance, and what the database adds up is what rows add up to."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import views, whole
from tallystick.domain.ledger.model import Entry, Wallet
from tallystick.domain.ledger.views import Span
from tallystick.domain.ledger.whole import Kind, Sum
from tallystick.kernel.credits import MAX_BALANCE, MICRO

from .conftest import Timed
from .driver import CREDITS, Ledger, entry_of, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

BEGIN = datetime(2028, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(amount: int, after: int, kind: str = "debit", contra: str = "usage") -> Entry:
    return Entry(1, 1, CREDITS, kind, amount, after, 0, after, contra, [], "key:test", BEGIN)


@pytest.mark.parametrize(
    ("amount", "after", "row", "balance"),
    [
        (100_000_000, 100_000_000, 100, 100),
        (-2_500_000, 97_500_000, -3, 97),
        (-500_000, 97_000_000, 0, 97),
        (-1, 96_999_999, -1, 96),
        (-1_000_000, -500_000, -1, -1),  # into the overdraft, from half a credit
        (-1, -1, -1, -1),
        (-999_999, -1_000_000, 0, -1),
        (1, 0, 1, 0),
        (MAX_BALANCE - 1, MAX_BALANCE, MAX_BALANCE // MICRO, MAX_BALANCE // MICRO),
    ],
)
def test_a_row_is_the_difference_of_two_balances_rounded_down(
    amount: int, after: int, row: int, balance: int
) -> None:
    one = entry(amount, after)
    assert (whole.row_amount(one), whole.balance_after(one)) == (row, balance)


def test_a_balance_is_what_is_posted_and_not_held_rounded_down() -> None:
    assert whole.balance(None) == 0
    assert whole.balance(Wallet(CREDITS, posted=10_900_000, held=400_001)) == 10
    assert whole.balance(Wallet(CREDITS, posted=500_000, held=600_000, overdraft=5_000_000)) == -1


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("purchase", Kind.PURCHASE),
        ("plan", Kind.PLAN),
        ("bonus", Kind.GIFT),
        ("promo", Kind.GIFT),
        ("adjustment", Kind.CORRECTION),
        ("refund", Kind.REFUND),
    ],
)
async def test_a_grant_is_what_its_source_says(ledger: Ledger, source: str, kind: Kind) -> None:
    account = await ledger.account()
    assert whole.kind_of(await ledger.grant(account, 5, source=source)) is kind


async def story(timed: Timed, seed: int = 3) -> int:
    """Three days of an account: everything that posts, in odd amounts, now and then into the overdraft."""
    ledger, dice = timed.ledger, random.Random(seed)
    await timed.clock.stand(BEGIN)
    account, other = await ledger.accounts(2)
    await ledger.overdraft(account, 20 * MICRO)
    await ledger.grant(account, 5_250_000, source="purchase")
    await ledger.grant(account, 1_300_000, source="plan")
    await ledger.debit(account, 7_100_000)
    for n in range(60):
        await timed.clock.stand(BEGIN + n * DAY / 20)
        amount = dice.randrange(1, 2_600_000)
        match dice.randrange(7):
            case 0:
                source = dice.choice(["purchase", "plan", "bonus", "promo"])
                expires_at = dice.choice([None, BEGIN + (n + 3) * DAY / 20])
                await ledger.grant(account, amount * 3, source=source, expires_at=expires_at)
            case 1:
                await ledger.grant(account, amount, credit_type="other")
                await ledger.debit(account, amount, credit_type="other", operation="render")
            case 2:
                hold = await ledger.hold(account, amount, expires_in=9000, on_expiry="capture_reported")
                await ledger.ask(command.Report(account=account, hold=hold, amount=amount // 2))
            case 3:
                spent = await ledger.debit(account, amount, operation="render")
                undo = command.Reverse(account=account, entry=spent.seq, amount=dice.randrange(1, amount + 1))
                await ledger.do(undo)
            case 4:
                await ledger.ask(transfer(account, other, amount))
                await ledger.grant(other, amount)
                await ledger.ask(transfer(other, account, amount))
            case 5:
                fix = command.Adjust(
                    account=account, credit_type=CREDITS, direction="credit", amount=amount, reason="Fix"
                )
                await ledger.do(fix)
            case _:
                await ledger.ask(command.Debit(account=account, credit_type=CREDITS, amount=amount))
    await timed.clock.stand(BEGIN + 3 * DAY)
    await ledger.do(command.EndDue(account=account))
    return account


async def rows_of(ledger: Ledger, account: int) -> list[Entry]:
    """Of the wallet of credits, the oldest first."""
    span = Span(credit_type=CREDITS)
    found = await views.history(ledger.db, ledger.tenant, account, span, None, limit=1000, offset=0)
    assert found.total == len(found.entries)
    return found.entries[::-1]


async def test_rows_add_up_to_every_balance_and_the_databases_sums_to_rows(timed: Timed) -> None:
    ledger, account = timed.ledger, await story(timed)
    rows = await rows_of(ledger, account)
    assert {whole.kind_of(row) for row in rows} == {*Kind}
    assert any(row.posted_after < 0 for row in rows)
    running = 0
    for row in rows:
        running += whole.row_amount(row)
        assert running == whole.balance_after(row)
    cuts = [BEGIN, BEGIN + DAY / 20, BEGIN + DAY, BEGIN + DAY, BEGIN + 2.5 * DAY]
    end = BEGIN + 2.9 * DAY
    async with ledger.db.connection() as conn:
        found = await whole.sums(conn, account, CREDITS, cuts, end)
        for start, until, sums in zip(cuts, [*cuts[1:], end], found, strict=True):
            inside = [row for row in rows if start <= row.effective_at < until]
            expected: dict[Kind, Sum] = {}
            for row in inside:
                kind = whole.kind_of(row)
                expected[kind] = expected.get(kind, Sum()) + Sum(whole.row_amount(row), 1)
            assert sums == expected
            spent = sum(whole.used(row) for row in inside)
            assert await whole.used_whole(conn, account, CREDITS, start, until) == spent
        everything = await whole.sums(conn, account, CREDITS, [BEGIN])
        assert sum(one.total for one in everything[0].values()) == running
        assert await whole.used_whole(conn, account, CREDITS, None, None) == sum(map(whole.used, rows))


async def test_what_is_given_back_of_usage_is_not_used(ledger: Ledger) -> None:
    account = await ledger.account(10_000_000)
    spent = await ledger.debit(account, 2_500_000, operation="render")
    back = entry_of(await ledger.do(command.Reverse(account=account, entry=spent.seq, amount=1_000_000)))
    assert (whole.used(spent), whole.used(back)) == (3, -1)
    assert whole.kind_of(back) is Kind.REFUND
    async with ledger.db.connection() as conn:
        assert await whole.used_whole(conn, account, CREDITS, None, None) == 2
        assert await whole.used_whole(conn, account, "other", None, None) == 0


async def test_the_largest_balances_add_up_too(ledger: Ledger) -> None:
    account = await ledger.account(MAX_BALANCE - 1)
    await ledger.debit(account, MAX_BALANCE - 2)
    await ledger.grant(account, MAX_BALANCE - 2, source="purchase")
    rows = await rows_of(ledger, account)
    async with ledger.db.connection() as conn:
        [sums] = await whole.sums(conn, account, CREDITS, [datetime(2000, 1, 1, tzinfo=UTC)])
        assert await whole.used_whole(conn, account, CREDITS, None, None) == -whole.row_amount(rows[1])
    assert sums[Kind.PURCHASE] == Sum(whole.row_amount(rows[2]), 1)
    assert sums[Kind.USAGE] == Sum(whole.row_amount(rows[1]), 1)
