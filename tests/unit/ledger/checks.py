"""What must hold of any books, worked out from entries, holds and grants alone.

Nothing here is the rules' own: a mistake in their helpers must not hide itself. Each check names the row that lies.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tallystick.domain.ledger.model import Account, Grant

FAR = datetime(9999, 12, 31, tzinfo=UTC)

CONTRAS = {
    "grant": {"plan", "purchase", "promo", "adjustment", "refund"},
    "debit": {"usage", "usage:render", "usage:lookup"},
    "capture": {"usage"},
    "expire": {"expired"},
    "refund": {"refund"},
    "transfer": {"transfer"},
    "adjust": {"adjustment"},
}


def check_books(books: Mapping[int, Account], now: datetime) -> None:
    """Every invariant of every account, after a command at ``now`` was decided for at least one of them."""
    for account in books.values():
        check_entries(account)
        check_holds(account)
        check_grants(account)
        check_wallets(account)
        check_reversals(account)
        check_keys(account)
        check_due(account)
    check_transfers(books)


def check_entries(account: Account) -> None:
    """I1 and I2: numbered without a gap, each chained to the last of its wallet, time never going back."""
    entries = account.posted
    assert [entry.seq for entry in entries] == list(range(1, account.head.seq + 1))
    posted: dict[str, int] = defaultdict(int)
    last = None
    for entry in entries:
        assert entry.account == account.head.account, entry
        posted[entry.credit_type] += entry.amount
        assert entry.amount != 0, entry
        assert entry.posted_after == posted[entry.credit_type], entry
        assert entry.held_after >= 0, entry
        assert entry.available_after >= 0, entry
        assert entry.available_after >= entry.posted_after - entry.held_after, entry
        assert sum(part for _, part in entry.splits) == entry.amount, entry
        assert all(part for _, part in entry.splits), entry
        assert last is None or last <= entry.effective_at, entry
        last = entry.effective_at
    assert last is None or last <= account.head.last_at
    for code, wallet in account.wallets.items():
        assert wallet.posted == posted[code], wallet
    assert set(posted) <= set(account.wallets)


def check_holds(account: Account) -> None:
    """I4 and I5: what a hold has left is what it pins; an ended one has nothing left."""
    captured: Counter[int] = Counter()
    for entry in account.posted:
        if entry.kind == "capture":
            assert entry.hold is not None, entry
            captured[entry.hold] -= entry.amount
    held: Counter[str] = Counter()
    for number, hold in account.holds.items():
        left = hold.amount - hold.captured - hold.released
        assert number == hold.id
        assert 1 <= number <= account.head.hold_seq, hold
        assert min(hold.captured, hold.released, left) >= 0, hold
        assert hold.captured == captured[number], hold
        assert sum(part for _, part in hold.splits) == left, hold
        assert all(part > 0 for _, part in hold.splits), hold
        assert len({grant for grant, _ in hold.splits}) == len(hold.splits), hold
        if hold.state == "active":
            assert left > 0, hold
            assert hold.ended_at is None, hold
            held[hold.credit_type] += left
        else:
            assert left == 0, hold
            assert hold.ended_at is not None, hold
            assert hold.ended_at <= hold.expires_at, hold
        if hold.state == "expired":
            assert hold.ended_at == hold.expires_at, hold
    assert len(account.holds) == account.head.hold_seq
    for code, wallet in account.wallets.items():
        assert wallet.held == held[code], wallet


def check_grants(account: Account) -> None:
    """I6: folded from the splits at every entry, a grant is within 0 and its amount, and what is owed is not
    below 0; the fold of all is what the books say."""
    remaining: Counter[int] = Counter()
    owed: Counter[str] = Counter()
    for entry in account.posted:
        for number, part in entry.splits:
            if number == 0:
                owed[entry.credit_type] -= part
                assert owed[entry.credit_type] >= 0, entry
            else:
                grant = account.grants[number]
                assert grant.credit_type == entry.credit_type, entry
                assert number <= entry.seq, entry
                remaining[number] += part
                assert 0 <= remaining[number] <= grant.amount, entry
    pinned: Counter[int] = Counter()
    for hold in account.holds.values():
        for number, part in hold.splits:
            pinned[number] += part
    for number, grant in account.grants.items():
        assert number == grant.id
        assert grant.remaining == remaining[number], grant
        assert grant.held == pinned[number], grant
        assert 0 <= grant.held <= grant.remaining <= grant.amount, grant
        assert grant.closed == (grant.remaining == 0), grant
        made = account.posted[number - 1]
        assert made.credit_type == grant.credit_type
        assert made.amount == grant.amount or (made.kind == "reverse" and grant.amount < made.amount), grant
    for code, line in account.burn.items():
        open_ones = [
            grant for grant in account.grants.values() if not grant.closed and grant.credit_type == code
        ]
        # spent ones may still stand in it, with nothing free
        assert [grant.id for grant in line if not grant.closed] == [
            grant.id for grant in in_burn_order(open_ones)
        ]
        assert [grant.id for grant in line] == [grant.id for grant in in_burn_order(line)]
        assert all(account.grants[grant.id] is grant for grant in line)
    for code, wallet in account.wallets.items():
        assert wallet.owed == owed[code], wallet


def check_wallets(account: Account) -> None:
    """I1 and I3. The limit holds whatever expires later: what is owed or set aside of the overdraft is in it."""
    for code, wallet in account.wallets.items():
        lots = [grant for grant in account.grants.values() if grant.credit_type == code]
        borrowed = sum(
            part
            for hold in account.holds.values()
            if hold.credit_type == code
            for number, part in hold.splits
            if number == 0
        )
        assert wallet.credit_type == code
        assert wallet.posted == sum(grant.remaining for grant in lots) - wallet.owed, wallet
        assert wallet.posted - wallet.held >= -wallet.overdraft, wallet
        assert wallet.owed + borrowed <= wallet.overdraft, wallet


def check_reversals(account: Account) -> None:
    """No entry is undone or refunded by more than it did, nor a grant given back more than was burned of it."""
    undone: Counter[int] = Counter()
    returned: Counter[tuple[int, int]] = Counter()
    for entry in account.posted:
        if entry.reverses is not None:
            undone[entry.reverses] += abs(entry.amount)
            original = account.posted[entry.reverses - 1]
            assert original.amount * entry.amount < 0, entry
            assert entry.contra == ("refund" if entry.kind == "refund" else original.contra), entry
            if entry.kind == "reverse":
                for number, part in entry.splits:
                    returned[entry.reverses, number] += part
    for seq, amount in undone.items():
        original = account.posted[seq - 1]
        assert amount <= abs(original.amount), original
        burned: Counter[int] = Counter()
        for number, part in original.splits:
            burned[number] -= part
        for number in burned:
            if number and original.amount < 0:
                assert returned[seq, number] <= burned[number], original


def check_keys(account: Account) -> None:
    """I8: a key stands at one entry, or one hold, or one kept answer."""
    keys = [entry.op_key for entry in account.posted if entry.op_key is not None]
    keys += [hold.op_key for hold in account.holds.values() if hold.op_key is not None]
    keys += [outcome.op_key for outcome in account.outcomes]
    assert len(keys) == len(set(keys)), Counter(keys).most_common(3)
    assert set(keys) <= set(account.known)


def check_due(account: Account) -> None:
    """`next_due_at` is never later than the first thing that will really end."""
    moments = [hold.expires_at for hold in account.holds.values() if hold.state == "active"]
    moments += [
        grant.expires_at
        for grant in account.grants.values()
        if grant.expires_at is not None and grant.remaining > grant.held
    ]
    if moments:
        assert account.head.next_due_at is not None
        assert account.head.next_due_at <= min(moments)


def check_ended(account: Account, at: datetime) -> None:
    """Nothing that was due by then is left: no hold is active, no grant has free credits."""
    for hold in account.holds.values():
        assert hold.state != "active" or hold.expires_at > at, hold
    for grant in account.grants.values():
        assert grant.expires_at is None or grant.expires_at > at or grant.remaining == grant.held, grant


def check_transfers(books: Mapping[int, Account]) -> None:
    """I7: every entry has its contra; what left one account as a transfer arrived in another, lot for lot."""
    total: Counter[str] = Counter()
    for account in books.values():
        for entry in account.posted:
            if entry.kind != "reverse":
                assert entry.contra in CONTRAS[entry.kind], entry
            if entry.contra != "transfer":
                continue
            total[entry.credit_type] += entry.amount
            if entry.amount < 0:
                assert entry.detail is not None
                receiver = books[entry.detail["to_account"]]
                arrived = [receiver.posted[seq - 1] for seq in entry.detail["to_entries"]]
                assert [leg.amount for leg in arrived] == [-part for _, part in entry.splits], entry
                for leg, (number, _) in zip(arrived, entry.splits, strict=True):
                    check_lot(account.grants[number], receiver.grants[leg.seq])
                    assert leg.effective_at == entry.effective_at
    assert not any(total.values()), total


def check_lot(left: Grant, arrived: Grant) -> None:
    assert (left.credit_type, left.source, left.priority, left.expires_at, left.currency) == (
        arrived.credit_type,
        arrived.source,
        arrived.priority,
        arrived.expires_at,
        arrived.currency,
    )
    if left.paid_minor is None:
        assert arrived.paid_minor is None
    else:
        # within one minor unit of the exact share; that the parts sum to the whole has a test of its own
        assert arrived.paid_minor is not None
        assert abs(arrived.paid_minor * left.amount - left.paid_minor * arrived.amount) <= left.amount


def in_burn_order(grants: Iterable[Grant]) -> list[Grant]:
    """Priority, then the earliest expiry, then the oldest."""
    return sorted(grants, key=lambda grant: (grant.priority, grant.expires_at or FAR, grant.id))


def greedy(account: Account, credit_type: str, amount: int) -> list[list[int]]:
    """Which grants a spend of ``amount`` must burn, and what of it must be owed (grant 0)."""
    parts = []
    for grant in in_burn_order(account.grants.values()):
        free = grant.remaining - grant.held
        if grant.credit_type == credit_type and free and amount:
            parts.append([grant.id, min(free, amount)])
            amount -= parts[-1][1]
    return parts + ([[0, amount]] if amount else [])


def negative(parts: Iterable[Iterable[int]]) -> list[list[int]]:
    return [[number, -amount] for number, amount in parts]


def by_grant(parts: Iterable[Iterable[int]]) -> dict[int, int]:
    """Splits added up for each grant."""
    total: Counter[int] = Counter()
    for number, amount in parts:
        total[number] += amount
    return dict(total)
