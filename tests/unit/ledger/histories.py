"""Random histories of the ledger as data, for the rules alone and for the same through a database.

A `Step` says how far the clock moves and what is then asked. Accounts, holds, entries and grants stand in it as
small numbers that are taken modulo what there is, and one more: so most of them exist and some do not. `Step.order`
makes the order from the books as they are, the clock, and the orders sent before (a step may send one again).

    for step in history:
        now += timedelta(seconds=step.forward)
        order = step.order(books, now, sent)
        sent.append(order)
        ... decide(books, order, now)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import AnyCommand, Order, order
from tallystick.domain.ledger.model import Account
from tallystick.kernel.credits import MAX_AMOUNT

from .builders import CALLS, CREDITS


@dataclass(frozen=True, slots=True)
class Step:
    """``lasts`` is a grant's life in seconds; ``again`` picks an order sent before instead.

    ``late``: the grant is for so many seconds before the step, from when it then lives. Otherwise from the step.
    """

    forward: int
    asked: AnyCommand
    key: str | None = None
    lasts: int | None = None
    again: int | None = None
    late: int | None = None

    def order(
        self, books: Mapping[int, Account], now: datetime, sent: Sequence[Order], tenant: int = 1
    ) -> Order:
        """Make the order: what it names by small numbers is looked up in ``books``."""
        if self.again is not None and sent:
            return sent[-1 - self.again % len(sent)]
        numbers = sorted(books)
        account = numbers[self.asked.account % len(numbers)]
        if hasattr(self.asked, "hold") and not books[account].head.hold_seq:
            account = max(numbers, key=lambda number: books[number].head.hold_seq)
        head = books[account].head
        found: dict[str, Any] = {"account": account}
        match self.asked:
            case command.Grant():
                begins = now - timedelta(seconds=self.late or 0)
                if self.late is not None:
                    found["effective_at"] = begins
                if self.lasts is not None:
                    found["expires_at"] = begins + timedelta(seconds=self.lasts)
            case command.Extend() | command.Capture() | command.Report() | command.Release():
                found["hold"] = _pick_of(head.hold_seq, self.asked.hold)
            case command.Reverse():
                # what was spent comes first, the newest first; then the rest, then one that does not exist yet
                rows = sorted(books[account].posted, key=lambda row: (row.contra[:5] != "usage", -row.seq))
                entries = [*[row.seq for row in rows], head.seq + 1]
                found["entry"] = entries[self.asked.entry % len(entries)]
            case command.Refund():
                # mostly a number that is a grant's, for few entries are
                grants = [*sorted(books[account].grants), head.seq + 1]
                found["grant"] = grants[self.asked.grant % len(grants)]
            case command.Transfer():
                found["to"] = numbers[self.asked.to % len(numbers)]
        asked = msgspec.structs.replace(self.asked, **found)
        return order(asked, tenant=tenant, actor="key:test", key=self.key)


def _pick_of(last: int, pick: int) -> int:
    """The newest for 0, then older ones, then one that does not exist yet, and round again."""
    return 1 + (last - 1 - pick) % (last + 1)


_forward = st.sampled_from([*[0] * 8, *[1] * 6, 2, 2, 2, 3, 5, 10, 30, 1_000_000])
_backward = st.sampled_from([-1, -20])
_who = st.sampled_from([0, 0, 0, 1, 1, 2])
_code = st.sampled_from([CREDITS, CREDITS, CREDITS, CALLS])
_amount = st.one_of(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(-1, 60),
    st.integers(1, 210).map(lambda amount: amount if amount <= 200 else MAX_AMOUNT),
)
_key = st.one_of(st.none(), st.integers(1, 25).map(str))
_life = st.one_of(st.none(), st.none(), st.integers(1, 12), st.integers(-1, 100), st.just(1_000_001))
_late = st.one_of(*[st.none()] * 3, st.integers(0, 40), st.just(1_000_000))
_time = st.one_of(st.integers(1, 12), st.integers(1, 100), st.integers(1, 100), st.sampled_from([1, 10**12]))
_pick = st.integers(0, 12)
_labels = st.one_of(
    st.just(command.NO_LABELS), st.builds(command.Labels, reference=st.just("r"), metadata=st.just({"a": 1}))
)

_asked: dict[str, st.SearchStrategy[AnyCommand]] = {
    "grant": st.builds(
        command.Grant,
        account=_who,
        credit_type=_code,
        amount=_amount,
        source=st.sampled_from(["plan", "purchase", "bonus", "promo", "adjustment", "refund"]),
        priority=st.sampled_from([10, 50, 50]),
        paid_minor=st.one_of(st.none(), st.integers(0, 100)),
        currency=st.just("USD"),
        labels=_labels,
    ),
    "debit": st.builds(command.Debit, account=_who, credit_type=_code, amount=_amount, labels=_labels),
    "usage": st.builds(
        command.Debit,
        account=_who,
        credit_type=st.sampled_from([None, None, CREDITS, CALLS]),
        operation=st.sampled_from(["render", "render", "lookup", "unpriced"]),
        quantity=st.one_of(
            st.integers(1, 20_000_000), st.sampled_from([0, -1, 1, 500_000, 1_500_000, MAX_AMOUNT])
        ),
    ),
    "hold": st.builds(
        command.Hold,
        account=_who,
        credit_type=_code,
        amount=_amount,
        expires_in=_time,
        on_expiry=st.sampled_from(["release", "capture_reported"]),
        labels=_labels,
    ),
    "extend": st.builds(
        command.Extend,
        account=_who,
        hold=_pick,
        amount=st.one_of(st.just(0), _amount),
        expires_in=st.none() | _time,
    ),
    "capture": st.builds(
        command.Capture,
        account=_who,
        hold=_pick,
        amount=_amount,
        final=st.booleans(),
        overage=st.sampled_from(["refuse", "debit"]),
    ),
    "report": st.builds(command.Report, account=_who, hold=_pick, amount=_amount),
    "release": st.builds(command.Release, account=_who, hold=_pick),
    "reverse": st.builds(command.Reverse, account=_who, entry=_pick, amount=st.none() | _amount),
    "refund": st.builds(command.Refund, account=_who, grant=_pick, amount=_amount),
    "transfer": st.builds(command.Transfer, account=_who, to=_who, credit_type=_code, amount=_amount),
    "adjust": st.builds(
        command.Adjust,
        account=_who,
        credit_type=_code,
        direction=st.sampled_from(["credit", "debit"]),
        amount=_amount,
        reason=st.just("by hand"),
    ),
    "set_overdraft": st.builds(
        command.SetOverdraft,
        account=_who,
        credit_type=_code,
        overdraft=st.one_of(st.integers(-1, 60), st.just(0)),
    ),
    "end_due": st.builds(command.EndDue, account=_who),
}
KINDS = tuple(_asked)


def steps(kind: str, *, backwards: bool = False) -> st.SearchStrategy[Step]:
    """Steps of one kind; with ``backwards`` the clock that is read may also go back."""
    forward = st.one_of(_forward, _forward, _forward, _backward) if backwards else _forward
    lasts = _life if kind == "grant" else st.none()
    late = _late if kind == "grant" else st.none()
    return st.builds(Step, forward=forward, asked=_asked[kind], key=_key, lasts=lasts, late=late)


def repeats() -> st.SearchStrategy[Step]:
    """Steps that send one of the orders before once more, unchanged."""
    return st.builds(Step, forward=_forward, asked=_asked["end_due"], again=st.integers(0, 30))


# credits come in and go out more often than the rest, or most commands would find nothing to work on
_WEIGHTS = (
    "grant grant grant debit debit debit usage hold hold hold hold extend extend capture capture capture capture "
    "report report release reverse reverse reverse refund transfer transfer adjust set_overdraft end_due"
).split()


def any_step(*, backwards: bool = False) -> st.SearchStrategy[Step]:
    """A step of any kind, or one that sends an earlier order again."""
    return st.one_of(*[steps(kind, backwards=backwards) for kind in _WEIGHTS], repeats())


_few = st.integers(1, 10)
_one_wallet: dict[str, st.SearchStrategy[AnyCommand]] = {
    "grant": st.builds(command.Grant, account=st.just(0), credit_type=st.just(CALLS), amount=_few),
    "debit": st.builds(command.Debit, account=st.just(0), credit_type=st.just(CALLS), amount=_few),
    "hold": st.builds(
        command.Hold, account=st.just(0), credit_type=st.just(CALLS), amount=_few, expires_in=_few
    ),
    "capture": st.builds(command.Capture, account=st.just(0), hold=st.integers(0, 2), amount=_few),
    "reverse": st.builds(
        command.Reverse, account=st.just(0), entry=st.integers(0, 3), amount=st.none() | _few
    ),
}


def steps_in_one_wallet() -> st.SearchStrategy[Step]:
    """Small amounts and short lives in one wallet: there grants are spent, opened again, and end together."""
    few = st.integers(0, 3)
    return st.one_of(
        *[
            st.builds(
                Step, forward=few, asked=asked, lasts=st.integers(1, 15) if kind == "grant" else st.none()
            )
            for kind, asked in _one_wallet.items()
        ]
    )


def histories(*, max_size: int = 60, backwards: bool = False) -> st.SearchStrategy[list[Step]]:
    """Whole histories, for two or more accounts."""
    return st.lists(any_step(backwards=backwards), min_size=1, max_size=max_size)
