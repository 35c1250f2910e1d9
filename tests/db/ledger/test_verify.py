"""`verify` finds nothing in books that the ledger wrote, and names the row when one was altered behind its back."""

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.verify import Fault, Report, _check, _check_zero_sum, verify

from .conftest import Timed
from .driver import CREDITS, Ledger, another, debit, entry_of, running, send, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]

BEGIN = datetime(2028, 1, 1, tzinfo=UTC)


@dataclass
class Story:
    """A rich history of account ``one`` (and a little of ``other``), and the rows that the tests alter."""

    one: int
    other: int
    spent: int
    capture: int
    reversal: int
    sent: int
    arrived: int
    hold: int
    ended_hold: int
    open_grant: int
    spent_grant: int
    last: int

    @property
    def rows(self) -> dict[str, int]:
        return {**vars(self), "after": self.spent + 1}


async def tell(timed: Timed) -> Story:
    ledger = timed.ledger
    await timed.clock.stand(BEGIN)
    one, other = await ledger.accounts(2)
    await ledger.overdraft(one, 500)
    await ledger.debit(one, 100)
    first = await ledger.grant(one, 400, source="purchase", paid_minor=999, currency="USD")
    spent_grant = (await ledger.grant(one, 50, priority=1)).seq
    spent = (await ledger.debit(one, 120, key="spent")).seq
    open_grant = (await ledger.grant(one, 1000)).seq
    lapsing = await ledger.grant(one, 60, expires_at=BEGIN + timedelta(seconds=10))
    hold = await ledger.hold(one, 30)
    ended_hold = await ledger.hold(one, 40)
    capture = entry_of(await ledger.do(command.Capture(account=one, hold=ended_hold, amount=25, final=True)))
    await ledger.do(command.Extend(account=one, hold=hold, amount=5), key="extend")
    reversal = entry_of(await ledger.do(command.Reverse(account=one, entry=spent, amount=20)))
    sent = entry_of(await ledger.do(transfer(one, other, 70)))
    await ledger.do(command.Refund(account=one, grant=first.seq, amount=15))
    await timed.clock.stand(BEGIN + timedelta(seconds=20))
    await ledger.debit(one, 1)
    assert await ledger.sql(
        "select kind from entry where splits->0->>0 = %s and amount < 0", str(lapsing.seq)
    )
    last = await ledger.debit(one, 2)
    [(arrived,)] = await ledger.sql("select seq from entry where account_id = %s", other)
    return Story(
        one, other, spent, capture.seq, reversal.seq, sent.seq, arrived, hold, ended_hold, open_grant, spent_grant,
        last.seq,
    )  # fmt: skip


OF_ENTRY = "where account_id = {one} and seq ="
OF_GRANT = "where account_id = {one} and id = {open_grant}"
OF_HOLD = "where account_id = {one} and id = {hold}"
HEAD, WALLET = "where account_id = {one}", "where account_id = {one} and credit_type = 'credits'"

# what is altered, and the row that must be named as the liar: of account one, save where another is said
ALTERED: dict[str, tuple[str, str]] = {
    "entry amount": (f"update entry set amount = amount - 1 {OF_ENTRY} {{spent}}", "entry {spent}"),
    "entry amount up": (f"update entry set amount = amount + 1 {OF_ENTRY} {{last}}", "entry {last}"),
    "entry amount and its splits": (
        "update entry set amount = amount - 1,"
        " splits = jsonb_set(splits, '{{0,1}}', to_jsonb((splits->0->>1)::int - 1))"
        f" {OF_ENTRY} {{spent}}",
        "entry {spent}",
    ),
    "entry posted_after": (f"update entry set posted_after = 7 {OF_ENTRY} {{spent}}", "entry {spent}"),
    "entry held_after": (f"update entry set held_after = -1 {OF_ENTRY} {{sent}}", "entry {sent}"),
    "entry available_after": (
        f"update entry set available_after = available_after - 700 {OF_ENTRY} {{last}}",
        "entry {last}",
    ),
    "entry splits": (
        f"update entry set splits = '[[{{open_grant}}, -2]]' {OF_ENTRY} {{last}}",
        "grant {open_grant}",
    ),
    "entry splits that do not add up": (
        f"update entry set splits = '[[{{open_grant}}, -3]]' {OF_ENTRY} {{last}}",
        "entry {last}",
    ),
    "entry kind": (f"update entry set kind = 'grant' {OF_ENTRY} {{last}}", "entry {last}"),
    "entry contra": (f"update entry set contra = 'promo' {OF_ENTRY} {{spent}}", "entry {spent}"),
    "entry contra of a reversal": (
        f"update entry set contra = 'promo' {OF_ENTRY} {{reversal}}",
        "entry {reversal}",
    ),
    "entry time": (f"update entry set effective_at = '2031-01-01' {OF_ENTRY} {{spent}}", "entry {after}"),
    "entry deleted": (f"delete from entry {OF_ENTRY} {{spent}}", "account_head"),
    "last entry deleted": (f"delete from entry {OF_ENTRY} {{last}}", "account_head"),
    "entry of nowhere": (
        "insert into entry select 777777, 1, credit_type, kind, amount, amount, 0, 0, contra, null, null, null, null,"
        " null, null, splits, null, null, null, null, null, actor, effective_at, recorded_at from entry"
        f" {OF_ENTRY} {{last}}",
        "account_head",
    ),
    "duplicated key": (
        "update hold set op_key = 'c:spent' where account_id = {one} and id = {hold}",
        "key c:spent",
    ),
    "key of an act": (
        "update outcome set op_key = 'c:spent' where account_id = {one} and op_key = 'c:extend'",
        "key c:spent",
    ),
    "wallet posted": (f"update wallet set posted = posted + 1 {WALLET}", "wallet credits"),
    "wallet held": (f"update wallet set held = held + 1 {WALLET}", "wallet credits"),
    "wallet owed": (f"update wallet set owed = owed + 1 {WALLET}", "wallet credits"),
    "wallet overdraft": (
        f"alter table wallet drop constraint wallet_limit; update wallet set overdraft = 0, posted = -1 {WALLET}",
        "wallet credits",
    ),
    "wallet deleted": (f"delete from wallet {WALLET}", "wallet credits"),
    "grant remaining": (
        f"update credit_grant set remaining = remaining - 1 {OF_GRANT}",
        "grant {open_grant}",
    ),
    "grant held": (f"update credit_grant set held = held + 1 {OF_GRANT}", "grant {open_grant}"),
    "grant amount": (f"update credit_grant set amount = amount + 1 {OF_GRANT}", "grant {open_grant}"),
    "grant closed": (f"update credit_grant set closed = true {OF_GRANT}", "grant {open_grant}"),
    "grant opened": (
        "update credit_grant set closed = false where account_id = {one} and id = {spent_grant}",
        "grant {spent_grant}",
    ),
    "grant deleted": (f"delete from credit_grant {OF_GRANT}", "grant {open_grant}"),
    "grant of no entry": (
        "insert into credit_grant select account_id, 99, credit_type, source, amount, 0, 0, 0, null, true, null, null,"
        f" created_at from credit_grant {OF_GRANT}",
        "grant 99",
    ),
    "grant expiry": (
        f"update credit_grant set expires_at = '2028-01-01 00:00:21+00' {OF_GRANT}",
        "account_head",
    ),
    "hold captured": (f"update hold set captured = captured + 1 {OF_HOLD}", "hold {hold}"),
    "hold released": (f"update hold set released = released + 1 {OF_HOLD}", "hold {hold}"),
    "hold splits": (
        f"update hold set splits = jsonb_set(splits, '{{{{0,1}}}}', '3') {OF_HOLD}",
        "hold {hold}",
    ),
    "hold state": (f"update hold set state = 'released' {OF_HOLD}", "hold {hold}"),
    "ended hold made active": (
        "update hold set state = 'active' where account_id = {one} and id = {ended_hold}",
        "hold {ended_hold}",
    ),
    "hold deleted": (f"delete from hold {OF_HOLD}", "account_head"),
    "captured of another hold": (
        f"update entry set hold = {{hold}} {OF_ENTRY} {{capture}}",
        "hold {hold}",
    ),
    "head seq": (f"update account_head set seq = seq + 1 {HEAD}", "account_head"),
    "head hold_seq": (f"update account_head set hold_seq = hold_seq - 1 {HEAD}", "account_head"),
    "head external_id": (f"update account_head set external_id = 'theirs' {HEAD}", "account_head"),
    "head tenant": (f"update account_head set tenant_id = 2 {HEAD}", "account_head"),
    "head deleted": (f"delete from account_head {HEAD}", "account_head"),
    "head next_due_at too late": (
        f"update account_head set next_due_at = '2040-01-01' {HEAD}",
        "account_head",
    ),
    "head next_due_at forgotten": (f"update account_head set next_due_at = null {HEAD}", "account_head"),
    "head last_at": (f"update account_head set last_at = '2020-01-01' {HEAD}", "account_head"),
    "transfer to elsewhere": (
        f"update entry set detail = jsonb_set(detail::jsonb, '{{{{to_account}}}}', '1')::json {OF_ENTRY} {{sent}}",
        "entry {sent}",
    ),
    "transfer that arrived as less": (
        "update entry set amount = amount - 1 where account_id = {other} and seq = {arrived}",
        "entry {sent}",
    ),
    "transfer from nowhere": (
        "update entry set detail = jsonb_set(detail::jsonb, '{{from_entry}}', '1')::json"
        " where account_id = {other} and seq = {arrived}",
        "other: entry {arrived}",
    ),
    "reversal too large": (
        f"update entry set amount = 400 {OF_ENTRY} {{reversal}}",
        "entry {reversal}",
    ),
    "reversal of nothing": (f"update entry set reverses = 99 {OF_ENTRY} {{reversal}}", "entry {reversal}"),
}


async def test_a_rich_history_is_clean(timed: Timed) -> None:
    story = await tell(timed)
    report = await timed.ledger.verify()
    assert report.ok
    assert (report.accounts, report.wallets, report.holds) == (2, 2, 2)
    assert report.entries > 10
    assert report.grants > 4
    only = await verify(timed.ledger.db, story.other)
    assert (only.ok, only.accounts, only.entries) == (True, 1, 1)
    everything = sum(report.contra.values()) + sum(report.posted.values())
    assert everything == 0


async def test_each_altered_row_is_named(timed: Timed) -> None:
    """One row at a time, in a transaction that is undone: the fault names the row and its account."""
    ledger, story = timed.ledger, await tell(timed)
    async with ledger.db.connection() as conn:
        uuids = {n: (await identity.account(conn, ledger.tenant, n)).uuid for n in (story.one, story.other)}
    unnamed = {}
    for name, (statement, row) in ALTERED.items():
        account = story.one
        if row.startswith("other: "):
            row, account = row.removeprefix("other: "), story.other
        faults = await faults_after(ledger, statement.format(**story.rows))
        expected = row.format(**story.rows)
        known = {None, uuids[account]} if "deleted" in name or "nowhere" in name else {uuids[account]}
        if not any(fault.row == expected and fault.uuid in known for fault in faults):
            unnamed[name] = (expected, faults)
    assert not unnamed, "\n".join(f"{name}: {found}" for name, found in unnamed.items())
    assert (await ledger.verify()).ok


class _Undo(Exception):
    pass


async def faults_after(ledger: Ledger, statement: str) -> list[Fault]:
    """What the checks find after a change that is then undone."""
    report = Report()
    try:
        async with ledger.superuser.transaction():
            await ledger.sql("set local session_replication_role = replica")
            await ledger.sql(statement)
            await _check(ledger.superuser, 0, 2**62, report)
            _check_zero_sum(report)
            raise _Undo
    except _Undo:
        return report.faults


async def test_no_false_fault_while_lanes_write(ledger: Ledger) -> None:
    chance = random.Random(5)
    accounts = await ledger.accounts(6, 100_000)
    going = True

    async def client() -> None:
        while going:
            one, other = chance.sample(accounts, 2)
            hold = command.Hold(account=one, credit_type=CREDITS, amount=9, expires_in=chance.randint(1, 2))
            for asked in (debit(one, 3), transfer(one, other, 5), hold):
                await send(ledger.lanes, ledger.order(asked))

    async with another(ledger.url) as db, running(db):
        clients = [asyncio.create_task(client()) for _ in range(12)]
        try:
            for _ in range(8):
                assert (await verify(db)).faults == []
                await asyncio.sleep(0.05)
        finally:
            going = False
            await asyncio.gather(*clients)


async def test_chunks_cover_every_account_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = await ledger.accounts(11, 5)
    await ledger.do(transfer(accounts[0], accounts[10], 3))
    for size in (1, 2, 5, 11, 12):
        monkeypatch.setattr("tallystick.domain.ledger.verify.CHUNK", size)
        report = await ledger.verify()
        assert (report.ok, report.accounts, report.entries) == (True, 11, 13)
