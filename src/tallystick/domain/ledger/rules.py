"""The rules of the ledger, whole: what each command does to the books, or why it may not.

Pure: no I/O, no clock, no randomness. `decide` advances the books it is given in place; a command that is
refused leaves them as they were, save for what had fallen due before it. The same code decides in the lanes,
is the model of the property tests, and answers reads of what is due but not yet swept.

What holds after every command (checked by `tallystick verify` and by the tests):

    I1  posted = sum of the wallet's entries = sum of the grants' remaining - owed
    I2  an account's entries are numbered 1, 2, 3 ... and each says the balances after it
    I3  posted - held >= -overdraft
    I4  held = what the active holds have neither captured nor released
    I5  captured + released <= amount of a hold, and = once it has ended
    I6  0 <= held <= remaining <= amount of a grant; held = what active holds pin in it
    I7  with its contra account every entry sums to zero
    I8  one key, one effect

Late is on time: grants that are given late, each as of its own moment (`Grant.effective_at`) and in order, leave
what they leave when given in time, if nothing was spent or came in between. So a grant is never refused for
having expired meanwhile: it is posted, and lapses at its expiry, or at once when the books are past that.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import MAX_BALANCE, MICRO, share
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, KeyReused, NotFound

from . import commands as command
from .commands import Order
from .model import (
    OWED,
    Account,
    Answer,
    Entry,
    Grant,
    Hold,
    Known,
    Outcome,
    Splits,
    Wallet,
    burn_order,
    fact_from_json,
    fact_to_json,
)

Books = Mapping[int, Account]


def decide(books: Books, order: Order, now: datetime) -> Answer:
    """Do what the order asks to the books of its account (a transfer's also to its receiver's).

    ``now`` is read after the accounts were locked. What is due by then ends first; for a grant that is given late,
    what was due by the moment it is for. A key that is already known answers as it did. Raises the Fact that
    declines: InsufficientCredits, Conflict, Invalid, NotFound, KeyReused.
    """
    account = books[order.command.account]
    known = account.known.get(order.key)
    if known is not None:
        return _again(known, order)
    _check_amount(order.command)
    at = end_due(account, _given_at(order.command, now))
    _check_status(account, order.command)
    if type(order.command) is command.Transfer:
        answer = _transfer(books, account, order, order.command, now)
    else:
        answer = _RULES[type(order.command)](account, order, order.command, at)
    account.known[order.key] = Known(order.hash, answer)
    return answer


def _given_at(asked: command.AnyCommand, now: datetime) -> datetime:
    """The moment a command is for: the present, save for what the server does late."""
    if isinstance(asked, command.Grant | command.Reverse | command.EndDue) and asked.effective_at is not None:
        return min(asked.effective_at, now)
    return now


def _check_status(account: Account, asked: command.AnyCommand) -> None:
    """A closed account refuses everything but the end of what is due; a blocked one, that anything is spent."""
    status = account.head.status
    if status == "closed" and type(asked) is not command.EndDue:
        raise Conflict("account_closed", "The account is closed.")
    if status == "blocked" and type(asked) in _SPENDING:
        raise Conflict("account_blocked", "The account is blocked.")


_SPENDING = (command.Debit, command.Hold, command.Extend, command.Transfer)


def _again(known: Known, order: Order) -> Answer:
    if known.request_hash != order.hash:
        raise KeyReused
    if known.declined is not None:
        declined = fact_from_json(fact_to_json(known.declined))
        declined.replayed = True
        raise declined
    assert known.answer is not None
    first = known.answer
    return Answer(first.kind, first.account, first.entry, first.facts, replayed=True)


def _check_amount(asked: command.AnyCommand) -> None:
    """The edge parses amounts; that a negative one never mints credits, and none is 0, holds here too."""
    match asked:
        case command.EndDue():
            return
        case command.Debit(quantity=int() as quantity):
            field, given, least = "quantity", quantity, 1
        case command.Extend(amount=amount) | command.Report(amount=amount):
            field, given, least = "amount", amount, 0
        case command.SetOverdraft():
            field, given, least = "overdraft", asked.overdraft, 0
        case command.Release() | command.Reverse(amount=None):
            return
        case _:
            assert asked.amount is not None
            field, given, least = "amount", asked.amount, 1
    if given < least:
        raise Invalid(field, "must be greater than 0" if least else "must not be negative")


# Credits in --------------------------------------------------------------------------------------------


def _grant(account: Account, order: Order, asked: command.Grant, at: datetime) -> Answer:
    if asked.expires_at is not None and asked.expires_at <= at and asked.effective_at is None:
        raise Invalid("expires_at", "must be in the future")
    wallet = account.wallet(asked.credit_type)
    grant = Grant(
        0, asked.credit_type, asked.source, asked.amount, 0, 0, asked.priority, asked.expires_at, False,
        asked.paid_minor, asked.currency, at,
    )  # fmt: skip
    labels = asked.labels
    entry = _receive(
        account, wallet, grant, "grant", _CONTRA_OF_SOURCE[asked.source], order, at,
        reference=labels.reference, description=labels.description, metadata=labels.metadata,
    )  # fmt: skip
    if grant.free and grant.expired(at):  # given so late that it is over
        _lapse(account, wallet, grant, grant.free, order, at)
    return _answer("grant", account, entry)


_CONTRA_OF_SOURCE = {
    "plan": "plan",
    "purchase": "purchase",
    "bonus": "promo",
    "promo": "promo",
    "adjustment": "adjustment",
    "refund": "refund",
}


def _receive(
    account: Account, wallet: Wallet, grant: Grant, kind: str, contra: str, order: Order, at: datetime,
    detail: dict[str, Any] | None = None, keyed: bool = True, **columns: Any,
) -> Entry:  # fmt: skip
    """Post incoming credits as a new grant. What is owed is repaid first, as a recorded split."""
    amount = grant.amount
    _check_room(wallet, amount)
    repaid = min(wallet.owed, amount)
    wallet.owed -= repaid
    grant.id = account.head.seq + 1
    grant.remaining = amount - repaid
    grant.closed = grant.remaining == 0
    grant.fresh = True
    splits = [[OWED, repaid]] if repaid else []
    if grant.remaining:
        splits.append([grant.id, grant.remaining])
    facts = {
        "grant": {
            "amount": amount,
            "remaining": grant.remaining,
            "source": grant.source,
            "priority": grant.priority,
            "expires_at": None if grant.expires_at is None else iso(grant.expires_at),
            "paid_minor": grant.paid_minor,
            "currency": grant.currency,
        }
    }
    detail = facts | (detail or {})
    entry = _post(account, wallet, kind, amount, contra, splits, order, at, keyed, detail=detail, **columns)
    account.add_grant(grant)
    _due_by(account, grant.expires_at)
    return entry


def _check_room(wallet: Wallet, amount: int) -> None:
    if wallet.posted + amount > MAX_BALANCE:
        raise Conflict("balance_too_large", "The wallet cannot hold that many credits.")


# Credits out -------------------------------------------------------------------------------------------


def _debit(account: Account, order: Order, asked: command.Debit, at: datetime) -> Answer:
    credit_type, amount, version = asked.credit_type, asked.amount, None
    if asked.quantity is not None:
        rate = account.rates.get(asked.operation or "")
        if rate is None:
            raise Invalid("operation", "is not on the rate card")
        if credit_type is not None and credit_type != rate.credit_type:
            raise Invalid("credit_type", f"is not what the operation costs: {rate.credit_type}")
        credit_type, version = rate.credit_type, rate.version
        amount = share(rate.cost, asked.quantity, MICRO)
        if amount == 0:
            raise Invalid("quantity", "costs less than a millionth of a credit")
        if amount > MAX_BALANCE:
            raise Invalid("quantity", "costs more than a wallet can hold")
    assert credit_type is not None
    wallet = account.wallet(credit_type)
    labels = asked.labels
    entry = _spend(
        account, wallet, amount, "debit", _usage(asked.operation), order, at,
        operation=asked.operation, quantity=asked.quantity, rate_version=version,
        reference=labels.reference, description=labels.description, metadata=labels.metadata,
    )  # fmt: skip
    return Answer("debit", account.head.uuid, entry, {})


def _usage(operation: str | None) -> str:
    return "usage" if operation is None else f"usage:{operation}"


def _spend(
    account: Account, wallet: Wallet, amount: int, kind: str, contra: str, order: Order, at: datetime,
    keyed: bool = True, **columns: Any,
) -> Entry:  # fmt: skip
    """Burn what is available, beyond the grants into what is owed. Raises InsufficientCredits."""
    if amount > wallet.available:
        raise InsufficientCredits(amount, wallet.available)
    splits = _burn(account, wallet, amount)
    return _post(account, wallet, kind, -amount, contra, splits, order, at, keyed, **columns)


def _burn(account: Account, wallet: Wallet, amount: int) -> Splits:
    """Take from free grants in burn order, the rest from the overdraft. The caller checked the limit."""
    splits: Splits = []
    spent = False
    for grant in account.burn.get(wallet.credit_type, ()):
        taken = min(grant.remaining - grant.held, amount)
        if taken:
            _draw(grant, taken)
            spent = spent or grant.closed
            splits.append([grant.id, -taken])
            amount -= taken
            if not amount:
                break
    if spent:
        account.drop_spent(wallet.credit_type)
    if amount:
        wallet.owed += amount
        splits.append([OWED, -amount])
    return splits


def _draw(grant: Grant, amount: int) -> None:
    grant.remaining -= amount
    grant.closed = grant.remaining == 0
    grant.changed = True


# Holds -------------------------------------------------------------------------------------------------


def _hold(account: Account, order: Order, asked: command.Hold, at: datetime) -> Answer:
    wallet = account.wallet(asked.credit_type)
    expires_at = _after(at, asked.expires_in)
    if asked.amount > wallet.available:
        raise InsufficientCredits(asked.amount, wallet.available)
    account.head.hold_seq += 1
    _touch(account, wallet, at)
    labels = asked.labels
    hold = Hold(
        account.head.hold_seq, asked.credit_type, asked.amount, 0, 0, 0, "active", expires_at,
        asked.on_expiry, _pin(account, wallet, asked.amount),
        labels.reference, labels.description, labels.metadata, {}, order.key, order.hash, order.actor, at,
        fresh=True,
    )  # fmt: skip
    hold.opened = _hold_facts(hold, wallet)
    account.holds[hold.id] = hold
    _due_by(account, hold.expires_at)
    return Answer("hold", account.head.uuid, None, hold.opened)


def _after(at: datetime, seconds: int) -> datetime:
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        raise Invalid("expires_in", "is too long") from None


def _pin(account: Account, wallet: Wallet, amount: int) -> Splits:
    """Set credits aside in burn order; what the grants lack is set aside of the overdraft."""
    wallet.held += amount
    pins: Splits = []
    for grant in account.burn.get(wallet.credit_type, ()):
        taken = min(grant.free, amount)
        if taken:
            grant.held += taken
            grant.changed = True
            pins.append([grant.id, taken])
            amount -= taken
            if not amount:
                break
    if amount:
        pins.append([OWED, amount])
    return pins


def _extend(account: Account, order: Order, asked: command.Extend, at: datetime) -> Answer:
    hold = _active(account, asked.hold)
    wallet = account.wallets[hold.credit_type]
    expires_at = hold.expires_at
    if asked.expires_in is not None:
        expires_at = max(expires_at, _after(at, asked.expires_in))
    if asked.amount > wallet.available:
        raise InsufficientCredits(asked.amount, wallet.available)
    _touch(account, wallet, at)
    if asked.amount:
        hold.amount += asked.amount
        hold.splits = _merge(account, hold.splits, _pin(account, wallet, asked.amount))
    hold.expires_at = expires_at
    hold.changed = True
    return _keep(account, order, "extend", _hold_facts(hold, wallet))


def _merge(account: Account, pins: Splits, more: Splits) -> Splits:
    """Join a hold's pins, one a grant, so that they are captured in burn order and the overdraft last."""
    amounts = dict.fromkeys((number for number, _ in pins + more), 0)
    for number, amount in pins + more:
        amounts[number] += amount
    overdrawn = amounts.pop(OWED, 0)
    grants = sorted((account.grants[number] for number in amounts), key=burn_order)
    return [[grant.id, amounts[grant.id]] for grant in grants] + ([[OWED, overdrawn]] if overdrawn else [])


def _capture(account: Account, order: Order, asked: command.Capture, at: datetime) -> Answer:
    hold = _active(account, asked.hold)
    wallet = account.wallets[hold.credit_type]
    within = min(asked.amount, hold.remaining)
    excess = asked.amount - within
    if excess and asked.overage == "refuse":
        raise Conflict("exceeds_hold", "The hold has less left than that.", remaining=hold.remaining)
    if excess > wallet.available:
        raise InsufficientCredits(excess, wallet.available)
    entry = _take(account, hold, wallet, within, order, at, keyed=True)
    overage = None
    if excess:
        overage = _spend(
            account, wallet, excess, "debit", "usage", order, at, keyed=False, hold=hold.id,
            reference=hold.reference, description=hold.description, metadata=hold.metadata,
        )  # fmt: skip
    if asked.final or hold.remaining == 0:
        _end(account, hold, wallet, "captured", order, at)
    entry.detail = _hold_facts(hold, wallet) | {
        "overage": None if overage is None else {"entry": overage.seq, "amount": excess}
    }
    return _answer("capture", account, entry)


def _take(
    account: Account, hold: Hold, wallet: Wallet, amount: int, order: Order, at: datetime, keyed: bool
) -> Entry:
    """Post what is captured of a hold, from its own pins. Cannot fail for want of credits."""
    splits: Splits = []
    overdrawn, rest = 0, amount
    while rest:
        pin = hold.splits[0]
        taken = min(pin[1], rest)
        rest -= taken
        pin[1] -= taken
        if pin[0] == OWED:
            overdrawn += taken
        else:
            grant = account.grants[pin[0]]
            grant.held -= taken
            _draw(grant, taken)
            splits.append([grant.id, -taken])
        if not pin[1]:
            hold.splits.pop(0)
    wallet.held -= amount
    if overdrawn:
        # a grant may have come since the hold was opened: then nothing need be owed
        splits += _burn(account, wallet, overdrawn)
    hold.captured += amount
    hold.changed = True
    return _post(
        account, wallet, "capture", -amount, "usage", splits, order, at, keyed, hold=hold.id,
        reference=hold.reference, description=hold.description, metadata=hold.metadata,
    )  # fmt: skip


def _report(account: Account, order: Order, asked: command.Report, at: datetime) -> Answer:
    hold = _active(account, asked.hold)
    if asked.amount > hold.amount:
        raise Conflict("exceeds_hold", "The hold is for less than that.", remaining=hold.remaining)
    hold.reported = asked.amount
    hold.changed = True
    return _keep(account, order, "report", _hold_facts(hold, account.wallets[hold.credit_type]))


def _release(account: Account, order: Order, asked: command.Release, at: datetime) -> Answer:
    hold = _active(account, asked.hold)
    wallet = account.wallets[hold.credit_type]
    _end(account, hold, wallet, "released", order, at)
    return _keep(account, order, "release", _hold_facts(hold, wallet))


def _end(account: Account, hold: Hold, wallet: Wallet, state: str, order: Order | None, at: datetime) -> None:
    """End a hold: what it still pins is free again, or expires at once where its grant has expired."""
    wallet.held -= hold.remaining
    hold.released += hold.remaining
    hold.state = state
    hold.ended_at = at
    hold.changed = True
    pins, hold.splits = hold.splits, []
    _touch(account, wallet, at)
    for number, amount in pins:
        if number != OWED:
            grant = account.grants[number]
            grant.held -= amount
            grant.changed = True
            _due_again(account, grant, at)
    for number, amount in pins:
        if number != OWED and account.grants[number].expired(at):
            _lapse(account, wallet, account.grants[number], amount, order, at)


def _active(account: Account, number: int) -> Hold:
    hold = account.holds.get(number)
    if hold is None:
        raise NotFound("hold")
    if hold.state == "expired":
        raise Conflict("hold_expired", "The hold has expired.", state=hold.state)
    if hold.state != "active":
        raise Conflict("hold_ended", "The hold has ended.", state=hold.state)
    return hold


def _hold_facts(hold: Hold, wallet: Wallet) -> dict[str, Any]:
    """The hold as it is now, and its wallet: everything an answer about it says."""
    return {
        "hold": hold.id,
        "credit_type": hold.credit_type,
        "amount": hold.amount,
        "captured": hold.captured,
        "released": hold.released,
        "reported": hold.reported,
        "state": hold.state,
        "expires_at": iso(hold.expires_at),
        "on_expiry": hold.on_expiry,
        "created_at": iso(hold.created_at),
        "posted": wallet.posted,
        "held": wallet.held,
        "available": wallet.available,
    }


# Back and across ---------------------------------------------------------------------------------------


def _reverse(account: Account, order: Order, asked: command.Reverse, at: datetime) -> Answer:
    original = account.named.get(asked.entry)
    if original is None:
        raise NotFound("entry")
    if original.kind not in ("debit", "capture", "grant"):
        raise Conflict("not_reversible", f"An entry of kind {original.kind} cannot be reversed.")
    done = account.undone.get(original.seq, 0)
    left = abs(original.amount) - done
    amount = left if asked.amount is None else asked.amount
    if left == 0:
        raise Conflict("already_reversed", "The entry was already reversed whole.", reversible=0)
    if amount > left:
        raise Conflict("exceeds_entry", "Less than that can still be reversed.", reversible=left)
    wallet = account.wallets[original.credit_type]
    columns = {"reverses": original.seq, "description": asked.reason or None}
    if original.kind == "grant":
        entry = _claw_back(account, wallet, original, amount, order, at, columns)
    else:
        entry = _give_back(account, wallet, original, amount, done, order, at, columns)
    account.undone[original.seq] = done + amount
    return _answer("reverse", account, entry)


def _claw_back(
    account: Account, wallet: Wallet, original: Entry, amount: int, order: Order, at: datetime,
    columns: dict[str, Any],
) -> Entry:  # fmt: skip
    grant = account.grants[original.seq]
    if amount > grant.free:
        raise Conflict("grant_spent", "Less than that of the grant is unspent.", reversible=grant.free)
    if amount > wallet.available:
        raise InsufficientCredits(amount, wallet.available)
    _draw(grant, amount)
    return _post(
        account, wallet, "reverse", -amount, original.contra, [[grant.id, -amount]], order, at, **columns
    )


def _give_back(
    account: Account, wallet: Wallet, original: Entry, amount: int, done: int, order: Order, at: datetime,
    columns: dict[str, Any],
) -> Entry:  # fmt: skip
    """Return spent credits to the grants they came from, last burned first; what is owed is repaid first.

    What was spent of the overdraft and has been repaid since comes back as a grant of its own. What comes
    back to a grant that has expired expires at once.
    """
    _check_room(wallet, amount)
    repaid = min(wallet.owed, amount)
    wallet.owed -= repaid
    splits: Splits = [[OWED, repaid]] if repaid else []
    skip, rest, lapsed = done + repaid, amount - repaid, []
    for number, burned in reversed(original.splits):
        taken = max(0, min(-burned - skip, rest))
        skip = max(0, skip + burned)
        rest -= taken
        if taken and number == OWED:
            splits.append([account.head.seq + 1, taken])
        elif taken:
            splits.append([number, taken])
    entry = _post(
        account, wallet, "reverse", amount, original.contra, splits, order, at,
        operation=original.operation, **columns,
    )  # fmt: skip
    for number, taken in splits:
        if number == entry.seq:
            grant = Grant(
                entry.seq, wallet.credit_type, "refund", taken, taken, 0, 50, None, False, None, None, at,
                fresh=True,
            )  # fmt: skip
            account.add_grant(grant)
        elif number != OWED:
            grant = account.grants[number]
            if grant.closed:
                account.reopen(grant)
            grant.remaining += taken
            grant.changed = True
            _due_again(account, grant, at)
            if grant.expired(at):
                lapsed.append((grant, taken))
    for grant, taken in lapsed:
        _lapse(account, wallet, grant, taken, order, at)
    return entry


def _refund(account: Account, order: Order, asked: command.Refund, at: datetime) -> Answer:
    grant = account.grants.get(asked.grant)
    if grant is None:
        raise NotFound("grant")
    wallet = account.wallets[grant.credit_type]
    left = grant.amount - account.undone.get(grant.id, 0)
    if asked.amount > left:
        raise Conflict("exceeds_grant", "Less than that can still be refunded.", refundable=left)
    if asked.amount > wallet.available - wallet.overdraft:
        raise InsufficientCredits(asked.amount, max(0, wallet.available - wallet.overdraft))
    own = min(grant.free, asked.amount)
    splits: Splits = []
    if own:
        _draw(grant, own)
        splits.append([grant.id, -own])
    if asked.amount > own:
        splits += _burn(account, wallet, asked.amount - own)
    account.undone[grant.id] = account.undone.get(grant.id, 0) + asked.amount
    columns: dict[str, Any] = {
        "reverses": grant.id,
        "reference": asked.reference,
        "description": asked.reason or None,
    }
    entry = _post(account, wallet, "refund", -asked.amount, "refund", splits, order, at, **columns)
    return _answer("refund", account, entry)


def _transfer(books: Books, giver: Account, order: Order, asked: command.Transfer, now: datetime) -> Answer:
    if asked.to == asked.account:
        raise Invalid("to", "must be another account")
    receiver = books[asked.to]
    if receiver.head.status == "closed":
        raise Conflict("account_closed", "The receiving account is closed.")
    # one moment for both sides: each side's history stays in order
    at = max(now, giver.head.last_at, receiver.head.last_at)
    end_due(giver, at)
    end_due(receiver, at)
    wallet = giver.wallet(asked.credit_type)
    own = wallet.available - wallet.overdraft
    if asked.amount > own:  # borrowed credits are not given away
        raise InsufficientCredits(asked.amount, max(0, own))
    goal = receiver.wallet(asked.credit_type)
    _check_room(goal, asked.amount)
    lots = {grant.id: (grant, grant.remaining) for grant in giver.burn.get(asked.credit_type, ())}
    splits = _burn(giver, wallet, asked.amount)
    labels = asked.labels
    columns: dict[str, Any] = {
        "reference": labels.reference,
        "description": labels.description,
        "metadata": labels.metadata,
    }
    entry = _post(giver, wallet, "transfer", -asked.amount, "transfer", splits, order, at, **columns)
    origin = {"from": str(giver.head.uuid), "from_entry": entry.seq}
    arrived = []
    for number, burned in splits:
        lot, before = lots[number]
        moved = Grant(
            0, lot.credit_type, lot.source, -burned, 0, 0, lot.priority, lot.expires_at, False,
            _price(lot, before, before + burned), lot.currency, at,
        )  # fmt: skip
        incoming = _receive(
            receiver, goal, moved, "transfer", "transfer", order, at, detail=origin, keyed=False, **columns
        )
        arrived.append(incoming.seq)
    entry.detail = {"to": str(receiver.head.uuid), "to_account": asked.to, "to_entries": arrived}
    return _answer("transfer", giver, entry)


def _price(lot: Grant, before: int, after: int) -> int | None:
    """What was paid for the part of a lot between two remainders. All its parts sum to the whole price."""
    if lot.paid_minor is None:
        return None
    return share(lot.paid_minor, before, lot.amount) - share(lot.paid_minor, after, lot.amount)


def _adjust(account: Account, order: Order, asked: command.Adjust, at: datetime) -> Answer:
    wallet = account.wallet(asked.credit_type)
    if asked.direction == "debit":
        entry = _spend(
            account, wallet, asked.amount, "adjust", "adjustment", order, at, description=asked.reason
        )
    else:
        grant = Grant(0, asked.credit_type, "adjustment", asked.amount, 0, 0, 50, None, False, None, None, at)
        entry = _receive(account, wallet, grant, "adjust", "adjustment", order, at, description=asked.reason)
    return _answer("adjust", account, entry)


def _set_overdraft(account: Account, order: Order, asked: command.SetOverdraft, at: datetime) -> Answer:
    wallet = account.wallet(asked.credit_type)
    # not posted - held: when the free grants expire, what is owed and what holds set aside of the overdraft stay
    pinned = sum(grant.held for grant in account.burn.get(asked.credit_type, ()))
    used = wallet.owed + wallet.held - pinned
    if asked.overdraft < used:
        raise Conflict("overdraft_in_use", "More than that is overdrawn now.", overdrawn=used)
    _touch(account, wallet, at)
    wallet.overdraft = asked.overdraft
    facts = {
        "credit_type": wallet.credit_type,
        "overdraft": wallet.overdraft,
        "posted": wallet.posted,
        "held": wallet.held,
        "available": wallet.available,
    }
    return _keep(account, order, "set_overdraft", facts)


# What falls due ----------------------------------------------------------------------------------------


def end_due(account: Account, now: datetime) -> datetime:
    """End every hold and grant that is due, in order of due time; give the account's moment for ``now``.

    The moment is never before the account's last: time does not run backwards within its books. Books that
    are not ``whole`` lack active holds: of them the head's next due time is left as it is, early if anything.
    """
    head = account.head
    at = max(now, head.last_at)
    if head.next_due_at is None or head.next_due_at > at:
        return at
    for moment, _, _, due in _all_due(account, at):
        moment = max(moment, head.last_at)
        if isinstance(due, Hold):
            _expire_hold(account, due, moment)
        elif due.free:
            _lapse(account, account.wallets[due.credit_type], due, due.free, None, moment)
    if account.whole:
        head.next_due_at = _next_due(account, at)
        head.changed = True
    return at


def _all_due(account: Account, at: datetime) -> list[tuple[datetime, int, int, Hold | Grant]]:
    """What ends by then, in order of due time; of two at one moment holds first, then the older.

    One pass is enough: what a hold gives back to a grant that has expired expires with the hold's end.
    """
    due: list[tuple[datetime, int, int, Hold | Grant]] = [
        (hold.expires_at, 0, hold.id, hold)
        for hold in account.holds.values()
        if hold.state == "active" and hold.expires_at <= at
    ]
    due += [
        (grant.expires_at, 1, grant.id, grant)
        for line in account.burn.values()
        for grant in line
        if grant.expires_at is not None and grant.expires_at <= at
    ]
    return sorted(due, key=lambda row: row[:3])


def _expire_hold(account: Account, hold: Hold, at: datetime) -> None:
    wallet = account.wallets[hold.credit_type]
    if hold.on_expiry == "capture_reported":
        amount = min(hold.reported - hold.captured, hold.remaining)
        if amount > 0:
            entry = _take(account, hold, wallet, amount, _SYSTEM, at, keyed=False)
            _end(account, hold, wallet, "expired", None, at)
            entry.detail = _hold_facts(hold, wallet)
            return
    _end(account, hold, wallet, "expired", None, at)


def _lapse(
    account: Account, wallet: Wallet, grant: Grant, amount: int, order: Order | None, at: datetime
) -> None:
    """Post the expiry of a grant's free credits."""
    _draw(grant, amount)
    splits = [[grant.id, -amount]]
    _post(account, wallet, "expire", -amount, "expired", splits, order or _SYSTEM, at, keyed=False)


def _next_due(account: Account, at: datetime) -> datetime | None:
    """When the next hold or grant ends. A grant past its time ends with the holds that pin it."""
    moments = [hold.expires_at for hold in account.holds.values() if hold.state == "active"]
    for line in account.burn.values():
        # a spent one may still stand in the line: nothing of it ends, and a reopening notes its end again
        moments += [
            grant.expires_at
            for grant in line
            if not grant.closed and grant.expires_at and grant.expires_at > at
        ]
    return min(moments, default=None)


def _due_by(account: Account, moment: datetime | None) -> None:
    """Note that something ends then. It may become early (a hold captured in time), never late."""
    head = account.head
    if moment is not None and (head.next_due_at is None or moment < head.next_due_at):
        head.next_due_at = moment
        head.changed = True


def _due_again(account: Account, grant: Grant, at: datetime) -> None:
    """Credits became free in a grant: they end with it, or at once (the caller's part) if it has expired.

    The head may know no more of its end: it was noted as past when all of it was pinned or spent, at a moment
    that was later than this one.
    """
    if not grant.expired(at):
        _due_by(account, grant.expires_at)


# Posting -----------------------------------------------------------------------------------------------


def _post(
    account: Account, wallet: Wallet, kind: str, amount: int, contra: str, splits: Splits, order: Order,
    at: datetime, keyed: bool = True, **columns: Any,
) -> Entry:  # fmt: skip
    """Append an entry and move the wallet's balance. The one place that does either."""
    wallet.posted += amount
    _touch(account, wallet, at)
    head = account.head
    head.seq += 1
    entry = Entry(
        head.account, head.seq, wallet.credit_type, kind, amount, wallet.posted, wallet.held,
        wallet.available, contra, splits, order.actor, at, **columns,
    )  # fmt: skip
    if keyed:
        entry.op_key = order.key
        entry.request_hash = order.hash
    account.posted.append(entry)
    return entry


def _touch(account: Account, wallet: Wallet, at: datetime) -> None:
    """Mark head and wallet as changed at this moment; a first write puts the wallet into the books."""
    account.wallets[wallet.credit_type] = wallet
    wallet.updated_at = at
    wallet.changed = True
    account.head.last_at = at
    account.head.changed = True


def _answer(kind: str, account: Account, entry: Entry) -> Answer:
    return Answer(kind, account.head.uuid, entry, entry.detail or {})


def _keep(account: Account, order: Order, kind: str, facts: dict[str, Any]) -> Answer:
    """Keep the answer of an act that posts nothing: a day under a key that was made up, else for ever."""
    keep = None if order.said_key else 1
    account.outcomes.append(Outcome(account.head.account, order.key, order.hash, kind, False, facts, keep))
    return Answer(kind, account.head.uuid, None, facts)


def _end_due(account: Account, order: Order, asked: command.EndDue, at: datetime) -> Answer:
    return Answer("end_due", account.head.uuid, None, {})


_SYSTEM = Order(command=command.EndDue(account=0), tenant=0, actor=SYSTEM, key="", client_key=False, hash=b"")

_RULES: dict[type, Callable[[Account, Order, Any, datetime], Answer]] = {
    command.Grant: _grant,
    command.Debit: _debit,
    command.Hold: _hold,
    command.Extend: _extend,
    command.Capture: _capture,
    command.Report: _report,
    command.Release: _release,
    command.Reverse: _reverse,
    command.Refund: _refund,
    command.Adjust: _adjust,
    command.SetOverdraft: _set_overdraft,
    command.EndDue: _end_due,
}
