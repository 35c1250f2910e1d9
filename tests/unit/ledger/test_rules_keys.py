"""One key, one effect: the same request again gives the first answer, another under its key is refused."""

from collections.abc import Callable

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import AnyCommand, order
from tallystick.domain.ledger.model import Known, fact_from_json, fact_to_json
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, KeyReused

from .builders import ACME, CREDITS, GLOBEX, START, Ledger, after

COMMANDS: dict[str, AnyCommand] = {
    "grant": command.Grant(account=ACME, credit_type=CREDITS, amount=5, expires_at=after(60)),
    "debit": command.Debit(account=ACME, credit_type=CREDITS, amount=5),
    "usage": command.Debit(account=ACME, credit_type=None, operation="render", quantity=1_000_000),
    "hold": command.Hold(account=ACME, credit_type=CREDITS, amount=5, expires_in=60),
    "extend": command.Extend(account=ACME, hold=1, amount=5),
    "capture": command.Capture(account=ACME, hold=1, amount=12, overage="debit"),
    "report": command.Report(account=ACME, hold=1, amount=5),
    "release": command.Release(account=ACME, hold=1),
    "reverse": command.Reverse(account=ACME, entry=2),
    "refund": command.Refund(account=ACME, grant=1, amount=5),
    "transfer": command.Transfer(account=ACME, to=GLOBEX, credit_type=CREDITS, amount=5),
    "adjust": command.Adjust(account=ACME, credit_type=CREDITS, direction="credit", amount=5, reason="r"),
    "set_overdraft": command.SetOverdraft(account=ACME, credit_type=CREDITS, overdraft=5),
}


def with_history() -> Ledger:
    ledger = Ledger()
    ledger.grant(100)
    ledger.debit(20)
    ledger.hold(10, lasts=600)
    return ledger


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_same_request_again_gives_the_same_answer_and_does_nothing(kind: str) -> None:
    ledger = with_history()
    first = ledger.do(COMMANDS[kind], "key-1")
    ledger.wait(10_000)  # the hold is due now, and a replay does not even sweep
    before = {number: account.copy() for number, account in ledger.books.items()}
    again = ledger.do(COMMANDS[kind], "key-1")
    assert (again.kind, again.account, again.entry, again.facts) == (
        first.kind,
        first.account,
        first.entry,
        first.facts,
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert ledger.books == before


def test_keys_of_three_kinds_never_meet() -> None:
    debit = COMMANDS["debit"]
    given = order(debit, tenant=1, actor="a", key="x")
    server = order(debit, tenant=1, actor="a", server_key="x")
    made = order(debit, tenant=1, actor="a")
    assert [(one.key[:2], one.client_key, one.said_key) for one in (given, server, made)] == [
        ("c:", True, True),
        ("d:", False, True),
        ("s:", False, False),
    ]
    with pytest.raises(AssertionError):
        order(debit, tenant=1, actor="a", key="x", server_key="x")


@pytest.mark.parametrize("kind", COMMANDS)
def test_another_request_under_the_key_is_refused(kind: str) -> None:
    ledger = with_history()
    ledger.do(command.Debit(account=ACME, credit_type=CREDITS, amount=1), "key-1")
    before = ledger[ACME].copy()
    with pytest.raises(KeyReused):
        ledger.do(COMMANDS[kind], "key-1")
    assert ledger[ACME] == before


def test_keys_of_two_accounts_do_not_meet() -> None:
    ledger = Ledger()
    ledger.grant(5, key="key-1")
    ledger.grant(7, account=GLOBEX, key="key-1")
    assert (ledger.balance(), ledger.balance(GLOBEX)) == ((5, 0, 0), (7, 0, 0))


def test_a_transfers_key_is_its_givers() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.transfer(5, key="key-1")
    ledger.grant(1, account=GLOBEX, key="key-1")
    assert ledger.transfer(5, key="key-1").seq == 2
    assert ledger.wallet(GLOBEX).posted == 6


def test_without_a_key_the_same_request_twice_is_done_twice() -> None:
    ledger = Ledger()
    ledger.grant(10)
    ledger.debit(3)
    ledger.debit(3)
    assert ledger.wallet().posted == 4


def test_a_clients_key_never_meets_one_that_was_made_here() -> None:
    made = order(COMMANDS["debit"], tenant=1, actor="key:test")
    given = order(COMMANDS["debit"], tenant=1, actor="key:test", key=made.key)
    assert made.key != given.key
    assert (made.client_key, given.client_key) == (False, True)


def test_a_kept_decline_answers_the_same_though_credits_have_come() -> None:
    ledger = Ledger()
    asked = order(COMMANDS["debit"], tenant=1, actor="key:test", key="key-1")
    with pytest.raises(InsufficientCredits) as first:
        ledger.send(asked)
    stored = fact_from_json(fact_to_json(first.value))
    ledger[ACME].known[asked.key] = Known(asked.hash, None, stored)
    ledger.grant(100)
    with pytest.raises(InsufficientCredits) as again:
        ledger.send(asked)
    assert (again.value.needed, again.value.available) == (5, 0)
    assert ledger.wallet().posted == 100
    assert ledger.debit(5, key="key-2").amount == -5


def test_a_decline_leaves_its_key_free_until_it_is_kept() -> None:
    ledger = Ledger()
    with pytest.raises(InsufficientCredits):
        ledger.debit(5, key="key-1")
    ledger.grant(5)
    assert ledger.debit(5, key="key-1").amount == -5


@pytest.mark.parametrize(
    "fact",
    [
        InsufficientCredits(5, -3),
        Conflict("exceeds_hold", "The hold has less left than that.", remaining=4),
        Conflict("account_closed", "The account is closed."),
    ],
)
def test_a_decline_comes_back_from_its_kept_form(fact: InsufficientCredits | Conflict) -> None:
    back = fact_from_json(fact_to_json(fact))
    assert type(back) is type(fact)
    assert (back.code, back.message, back.details) == (fact.code, fact.message, fact.details)
    assert getattr(back, "needed", None) == getattr(fact, "needed", None)
    assert getattr(back, "available", None) == getattr(fact, "available", None)


# What the hash covers -----------------------------------------------------------------------------------


def hash_of(asked: AnyCommand, actor: str = "key:a") -> bytes:
    return order(asked, tenant=1, actor=actor, key="k").hash


def test_the_hash_does_not_cover_who_asked() -> None:
    assert hash_of(COMMANDS["debit"], "key:a") == hash_of(COMMANDS["debit"], "user:b")


def test_the_hash_covers_type_account_and_body() -> None:
    debit = command.Debit(account=ACME, credit_type=CREDITS, amount=5)
    others: list[AnyCommand] = [
        command.Grant(account=ACME, credit_type=CREDITS, amount=5),
        command.Debit(account=GLOBEX, credit_type=CREDITS, amount=5),
        command.Debit(account=ACME, credit_type=CREDITS, amount=6),
        command.Debit(account=ACME, credit_type=CREDITS, amount=5, labels=command.Labels(reference="r")),
    ]
    assert hash_of(debit) not in {hash_of(other) for other in others}
    assert len({hash_of(asked) for asked in COMMANDS.values()}) == len(COMMANDS)


def test_the_order_of_metadata_does_not_matter() -> None:
    one, other = (
        command.Debit(account=1, credit_type=CREDITS, amount=5, labels=command.Labels(metadata=metadata))
        for metadata in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert hash_of(one) == hash_of(other)


# What a refusal leaves ----------------------------------------------------------------------------------

REFUSED: dict[str, Callable[[Ledger], object]] = {
    "grant in the past": lambda ledger: ledger.grant(5, lasts=-1),
    "debit": lambda ledger: ledger.debit(1000),
    "debit of a new wallet": lambda ledger: ledger.debit(1, credit_type="unheard_of"),
    "hold": lambda ledger: ledger.hold(1000),
    "extend": lambda ledger: ledger.extend(1, 1000),
    "capture": lambda ledger: ledger.capture(1, 1000),
    "capture with overage": lambda ledger: ledger.capture(1, 1000, overage="debit"),
    "report": lambda ledger: ledger.report(1, 1000),
    "release": lambda ledger: ledger.release(9),
    "reverse": lambda ledger: ledger.reverse(2, 1000),
    "reverse a grant": lambda ledger: ledger.reverse(1),
    "refund": lambda ledger: ledger.refund(1, 99),
    "transfer": lambda ledger: ledger.transfer(1000),
    "adjust": lambda ledger: ledger.adjust("debit", 1000),
    "set_overdraft": lambda ledger: ledger.overdraft(-1),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_command_leaves_no_trace(kind: str) -> None:
    ledger = with_history()
    before = {number: account.copy() for number, account in ledger.books.items()}
    with pytest.raises(Fact):
        REFUSED[kind](ledger)
    assert ledger.books == before


def test_a_copy_of_the_books_is_equal_and_apart() -> None:
    ledger = with_history()
    account = ledger[ACME]
    twin = account.copy()
    assert twin == account
    ledger.grant(5, lasts=60)
    ledger.capture(1, 5)
    ledger.reverse(2, 1)
    assert twin.head.seq == 2
    assert twin.head.last_at == START
    assert twin.grants[1].remaining == 80
    assert twin.holds[1].splits == [[1, 10]]
    assert twin.wallets[CREDITS].posted == 80
    assert [grant.id for grant in twin.burn[CREDITS]] == [1]
    assert all(twin.grants[grant.id] is grant for grant in twin.burn[CREDITS])
