"""Small builders for the ledger's tests: a named cast, one clock, and books that remember their entries."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import AnyCommand, Order, order
from tallystick.domain.ledger.model import Account, Answer, Entry, Grant, Head, Hold, RateLine, Wallet
from tallystick.domain.ledger.rules import decide

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ACME, GLOBEX, INITECH = 1, 2, 3
CAST = (ACME, GLOBEX, INITECH)
CREDITS, CALLS = "credits", "api_calls"

RATES = {
    "render": RateLine(7, CREDITS, 3),
    "lookup": RateLine(7, CALLS, 2_000_001),
}
"""A rate card: microcredits a unit. Three a render, so that half a render must be rounded."""


def after(seconds: float) -> datetime:
    """The moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def new_account(number: int) -> Account:
    """An account with empty books."""
    head = Head(number, 1, number, UUID(int=number), None, "active", 0, 0, START, None)
    return Account(head, rates=dict(RATES))


def remember(account: Account) -> None:
    """Let entries posted by earlier commands be named by later ones, as loading from the database does."""
    for entry in account.posted[len(account.named) :]:
        account.named[entry.seq] = entry


class Ledger:
    """The cast's books and a clock that only `wait` moves; each method is one command at that moment."""

    def __init__(self) -> None:
        self.books = {number: new_account(number) for number in CAST}
        self.now = START

    def __getitem__(self, account: int) -> Account:
        return self.books[account]

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def at(self, seconds: float) -> None:
        """Set the clock to so many seconds after the start."""
        self.now = after(seconds)

    def do(self, asked: AnyCommand, key: str | None = None) -> Answer:
        return self.send(order(asked, tenant=1, actor="key:test", key=key))

    def send(self, one: Order) -> Answer:
        try:
            return decide(self.books, one, self.now)
        finally:
            for account in self.books.values():
                remember(account)

    def grant(
        self, amount: int, account: int = ACME, *, lasts: float | None = None, key: str | None = None, **more: Any
    ) -> int:  # fmt: skip
        """Grant credits that expire ``lasts`` seconds after the start; give the grant's number."""
        more.setdefault("credit_type", CREDITS)
        expires_at = None if lasts is None else after(lasts)
        return entry_of(
            self.do(command.Grant(account=account, amount=amount, expires_at=expires_at, **more), key)
        ).seq

    def debit(self, amount: int, account: int = ACME, key: str | None = None, **more: Any) -> Entry:
        more.setdefault("credit_type", CREDITS)
        return entry_of(self.do(command.Debit(account=account, amount=amount, **more), key))

    def hold(self, amount: int, account: int = ACME, *, lasts: int = 3600, **more: Any) -> int:
        """Hold credits for ``lasts`` seconds from now; give the hold's number."""
        more.setdefault("credit_type", CREDITS)
        answer = self.do(command.Hold(account=account, amount=amount, expires_in=lasts, **more))
        number = answer.facts["hold"]
        assert isinstance(number, int)
        return number

    def extend(self, hold: int, amount: int = 0, *, lasts: int | None = None) -> Answer:
        return self.do(command.Extend(account=ACME, hold=hold, amount=amount, expires_in=lasts))

    def capture(self, hold: int, amount: int, **more: Any) -> Entry:
        return entry_of(self.do(command.Capture(account=ACME, hold=hold, amount=amount, **more)))

    def report(self, hold: int, amount: int) -> Answer:
        return self.do(command.Report(account=ACME, hold=hold, amount=amount))

    def release(self, hold: int) -> Answer:
        return self.do(command.Release(account=ACME, hold=hold))

    def reverse(self, entry: int, amount: int | None = None, account: int = ACME) -> Entry:
        return entry_of(self.do(command.Reverse(account=account, entry=entry, amount=amount, reason="oops")))

    def refund(self, grant: int, amount: int) -> Entry:
        return entry_of(self.do(command.Refund(account=ACME, grant=grant, amount=amount, reason="returned")))

    def transfer(
        self, amount: int, *, to: int = GLOBEX, account: int = ACME, key: str | None = None
    ) -> Entry:
        asked = command.Transfer(account=account, to=to, credit_type=CREDITS, amount=amount)
        return entry_of(self.do(asked, key))

    def adjust(self, direction: str, amount: int) -> Entry:
        asked = command.Adjust(
            account=ACME, credit_type=CREDITS, direction=direction, amount=amount, reason="by hand"  # type: ignore[arg-type]
        )  # fmt: skip
        return entry_of(self.do(asked))

    def overdraft(self, limit: int, account: int = ACME) -> Answer:
        return self.do(command.SetOverdraft(account=account, credit_type=CREDITS, overdraft=limit))

    def end_due(self, account: int = ACME) -> list[Entry]:
        """Sweep the account; give the entries that this posted."""
        before = len(self[account].posted)
        self.do(command.EndDue(account=account))
        return self[account].posted[before:]

    def wallet(self, account: int = ACME, credit_type: str = CREDITS) -> Wallet:
        return self[account].wallets[credit_type]

    def balance(self, account: int = ACME) -> tuple[int, int, int]:
        """Posted, held, owed."""
        wallet = self.wallet(account)
        return wallet.posted, wallet.held, wallet.owed

    def lot(self, number: int, account: int = ACME) -> Grant:
        return self[account].grants[number]

    def held(self, number: int, account: int = ACME) -> Hold:
        return self[account].holds[number]


def entry_of(answer: Answer) -> Entry:
    assert answer.entry is not None
    return answer.entry
