"""Random histories against the invariants, checked after every command from the rows alone.

The short form runs with the others; the long one (`make soak`) takes over a hundred thousand steps.
"""

import copy
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import Order
from tallystick.domain.ledger.model import Account, Answer, Known
from tallystick.domain.ledger.rules import decide, end_due
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, Invalid, KeyReused, NotFound

from .builders import CAST, CREDITS, START, new_account, remember
from .checks import by_grant, check_books, check_ended, greedy, in_burn_order, negative
from .histories import Step, any_step, steps_in_one_wallet

SHORT = settings(max_examples=60, stateful_step_count=40, deadline=None, print_blob=True)
LONG = settings(
    max_examples=1_800,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)

taken: dict[str, int] = {}
"""Steps taken in this run by outcome, for the report of the long form."""


def twin(account: Account) -> Account:
    """A deep copy, of everything that can be changed later; what is only ever appended is copied shallowly."""
    return copy.deepcopy(
        account,
        {
            id(kept): copy.copy(kept)
            for kept in (account.posted, account.known, account.named, account.outcomes, account.rates)
        },
    )


class LedgerMachine(RuleBasedStateMachine):
    """Three accounts, two credit types, one clock that may be read too early, every kind of command."""

    def __init__(self) -> None:
        super().__init__()
        self.books = {number: new_account(number) for number in CAST}
        self.now = START
        self.sent: list[Order] = []
        self.answers: dict[tuple[int, str], Answer | Fact] = {}

    @initialize(amounts=st.lists(st.integers(0, 120), min_size=3, max_size=3), overdraft=st.integers(0, 40))
    def begin(self, amounts: list[int], overdraft: int) -> None:
        """Most histories begin with something to spend."""
        for number, amount in enumerate(amounts):
            self.take(Step(0, command.Grant(account=number, credit_type=CREDITS, amount=amount)))
        self.take(Step(0, command.Grant(account=0, credit_type=CREDITS, amount=30), lasts=9))
        self.take(Step(0, command.Hold(account=0, credit_type=CREDITS, amount=20, expires_in=40)))
        self.take(Step(0, command.SetOverdraft(account=0, credit_type=CREDITS, overdraft=overdraft)))

    @rule(step=any_step(backwards=True))
    def any_command(self, step: Step) -> None:
        self.take(step)

    @rule(step=steps_in_one_wallet())
    def command_in_one_wallet(self, step: Step) -> None:
        self.take(step)

    @rule(step=any_step(), several=st.integers(0, 7))
    def close_for_one_command(self, step: Step, several: int) -> None:
        """An account that is closed refuses everything but the end of what is due."""
        account = self.books[CAST[-1]]
        account.head.status = "active" if several else "closed"
        try:
            self.take(step)
        finally:
            account.head.status = "active"

    @rule(step=any_step())
    def block_for_one_command(self, step: Step) -> None:
        """Nothing is spent or set aside of an account that is blocked."""
        account = self.books[CAST[0]]
        account.head.status = "blocked"
        seq, held = account.head.seq, account.head.hold_seq
        try:
            self.take(step)
        finally:
            account.head.status = "active"
        posted = account.posted[seq:]
        assert account.head.hold_seq == held
        for entry in posted:
            assert entry.kind != "debit" or entry.hold is not None, entry
            assert entry.kind != "transfer" or entry.amount > 0, entry

    def take(self, step: Step) -> None:
        self.now += timedelta(seconds=step.forward)
        order = step.order(self.books, self.now, self.sent)
        note(f"{(self.now - START).total_seconds():.0f} s: {order.command}")
        self.sent.append(order)
        touched = {order.command.account, getattr(order.command, "to", order.command.account)}
        before = {number: twin(self.books[number]) for number in touched}
        result = self.decide(order)
        count(result)
        for number in touched:
            remember(self.books[number])
        if isinstance(result, Fact):
            self.check_refused(order, result, before)
        elif result.replayed:
            self.check_replayed(order, result, before)
        else:
            self.check_done(order, result, before)

    def decide(self, order: Order) -> Answer | Fact:
        """As the lanes do it: a decline under the client's key is kept."""
        try:
            return decide(self.books, order, self.now)
        except (InsufficientCredits, Conflict) as fact:
            known = self.books[order.command.account].known
            if order.client_key and order.key not in known:
                known[order.key] = Known(order.hash, None, fact)
            return fact
        except (Invalid, NotFound, KeyReused) as fact:
            return fact

    # What an answer promises ---------------------------------------------------------------------------

    def check_refused(self, order: Order, fact: Fact, before: dict[int, Account]) -> None:
        """Nothing is changed but what was due; its end is what the sweeper would have done."""
        asker = order.command.account
        for number, old in before.items():
            account = self.books[number]
            now = self.moment_of(order)
            moments = {now, max(now, *(each.head.last_at for each in before.values()))}
            swept = [(copied := twin(old), end_due(copied, moment))[0] for moment in moments]
            for kept in (old, *swept):
                kept.known = account.known if number == asker else kept.known
                remember(kept)
            assert account in (old, *swept), fact
        if isinstance(fact, KeyReused):
            assert self.books[asker].known[order.key].request_hash != order.hash

    def check_replayed(self, order: Order, answer: Answer, before: dict[int, Account]) -> None:
        """The first answer again, and no change at all: not even what was due."""
        first = self.answers[order.command.account, order.key]
        assert isinstance(first, Answer)
        assert (answer.kind, answer.account, answer.entry, answer.facts) == (
            first.kind,
            first.account,
            first.entry,
            first.facts,
        )
        for number, old in before.items():
            assert self.books[number] == old

    def check_done(self, order: Order, answer: Answer, before: dict[int, Account]) -> None:
        asked = order.command
        account = self.books[asked.account]
        assert (asked.account, order.key) not in self.answers, "one key, one effect"
        self.answers[asked.account, order.key] = copy.deepcopy(answer)
        now = self.moment_of(order)
        moment = max(now, *(old.head.last_at for old in before.values()))
        for number, old in before.items():
            last_at = old.head.last_at
            end_due(old, moment)
            check_ended(self.books[number], max(now, last_at))
        if isinstance(asked, command.Grant):
            check_grant(answer, moment, account)
        check_splits(asked, answer, before[asked.account], account)

    def moment_of(self, order: Order) -> datetime:
        """A grant that is given late is for an earlier moment, everything else for the present."""
        given = getattr(order.command, "effective_at", None)
        return self.now if given is None else min(given, self.now)

    @invariant()
    def books_are_whole(self) -> None:
        check_books(self.books, self.now)


def check_grant(answer: Answer, moment: datetime, account: Account) -> None:
    """It took effect at its moment; what had expired by then lapsed at once and whole, nothing else did."""
    entry = answer.entry
    assert entry is not None
    assert entry.effective_at == moment
    grant = account.grants[entry.seq]
    after = account.posted[entry.seq :]
    if grant.expires_at is None or grant.expires_at > moment or entry.splits[-1][0] != entry.seq:
        assert after == []
    else:
        [lapsed] = after
        assert (lapsed.kind, lapsed.effective_at) == ("expire", moment)
        assert lapsed.splits == [[entry.seq, -entry.splits[-1][1]]]
        assert (grant.remaining, grant.held) == (0, 0)


def check_splits(asked: command.AnyCommand, answer: Answer, old: Account, account: Account) -> None:
    """What was spent or set aside came from the grants whose turn it was. ``old``: the books just before."""
    entry = answer.entry
    match asked:
        case command.Debit() | command.Transfer():
            assert entry is not None
            assert entry.splits == negative(greedy(old, entry.credit_type, -entry.amount))
        case command.Adjust(direction="debit"):
            assert entry is not None
            assert entry.splits == negative(greedy(old, asked.credit_type, asked.amount))
        case command.Hold():
            assert account.holds[answer.facts["hold"]].splits == greedy(old, asked.credit_type, asked.amount)
        case command.Extend():
            hold = old.holds[asked.hold]
            more = greedy(old, hold.credit_type, asked.amount)
            assert by_grant(account.holds[hold.id].splits) == by_grant(hold.splits + more)
        case command.Capture():
            assert entry is not None
            check_capture(entry.splits, -entry.amount, old, asked.hold)
        case command.Refund():
            assert entry is not None
            check_refund(asked, entry.splits, old)
        case command.Grant():
            assert entry is not None
            repaid = min(asked.amount, old.wallet(asked.credit_type).owed)
            rest = asked.amount - repaid
            assert by_grant(entry.splits) == {
                number: part for number, part in ((0, repaid), (entry.seq, rest)) if part
            }


def check_capture(splits: list[list[int]], amount: int, old: Account, number: int) -> None:
    """The hold's own pins in burn order; what it had of the overdraft from what is free, and then owed."""
    hold = copy.deepcopy(old.holds[number])
    parts: list[list[int]] = []
    pins = by_grant(hold.splits)
    for grant in in_burn_order([old.grants[pinned] for pinned in pins if pinned]):
        part = min(pins[grant.id], amount)
        amount -= part
        if part:
            parts.append([grant.id, part])
    assert splits == negative(parts + greedy(old, hold.credit_type, amount))


def check_refund(asked: command.Refund, splits: list[list[int]], old: Account) -> None:
    """The grant's own unspent part first, then others in their turn; never what is owed."""
    grant = old.grants[asked.grant]
    own = min(asked.amount, grant.remaining - grant.held)
    rest = twin(old)
    rest.grants[asked.grant].remaining -= own
    others = greedy(rest, grant.credit_type, asked.amount - own)
    assert splits == negative(([[grant.id, own]] if own else []) + others)
    assert all(number for number, _ in splits)


def count(result: Answer | Fact) -> None:
    name = (
        type(result).__name__ if isinstance(result, Fact) else "replayed" if result.replayed else result.kind
    )
    taken[name] = taken.get(name, 0) + 1


def test_any_history_keeps_the_books_whole() -> None:
    run_state_machine_as_test(LedgerMachine, settings=SHORT)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_steps_keep_the_books_whole() -> None:
    taken.clear()
    run_state_machine_as_test(LedgerMachine, settings=LONG)
    assert sum(taken.values()) > 100_000, taken
