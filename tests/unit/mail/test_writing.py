"""The texts of e-mail: each template with all it may be given, and with the least."""

from datetime import timedelta
from typing import Any

import jinja2
import pytest

from tallystick.domain.mail import writing
from tallystick.domain.mail.model import pause

AMOUNT = {"amount": "29.00", "currency": "USD"}
NEEDED: dict[str, dict[str, Any]] = {
    "invoice_reminder": {**AMOUNT, "number": "INV-2027-001", "due_on": "14 February 2027", "days": -3},
    "payment_receipt": {**AMOUNT, "paid_on": "14 February 2027"},
    "payment_failed": {**AMOUNT},
    "payment_action_required": {**AMOUNT, "action_url": "https://bank.example/confirm"},
    "reload_failed": {"credits": "500", "credit_type": "Credits"},
    "low_balance": {"credit_type": "Credits", "balance": "12.5", "threshold": "50"},
    "subscription_past_due": {**AMOUNT, "plan": "Pro"},
    "invitation": {"app": "Acme Cloud"},
    "password_reset": {"app": "Acme Cloud", "reset_url": "https://acme.example/password/1"},
}
MORE: dict[str, dict[str, Any]] = {
    "invoice_reminder": {"pay_url": "https://pay.example/1"},
    "payment_receipt": {
        "number": "INV-2027-001",
        "method": "Visa ending in 4242",
        "credited": "1.00",
        "refunded": "2.00",
        "description": "1,000 credits",
    },
    "payment_failed": {
        "number": "INV-2027-001",
        "reason": "the card was declined",
        "next_try": "17 February 2027",
        "pay_url": "https://pay.example/1",
    },
    "payment_action_required": {"number": "INV-2027-001"},
    "reload_failed": {**AMOUNT, "reason": "the card has expired", "settings_url": "https://acme.example/pay"},
    "low_balance": {"buy_url": "https://acme.example/buy"},
    "subscription_past_due": {"ends_on": "14 March 2027", "pay_url": "https://pay.example/1"},
    "invitation": {
        "account": "Acme",
        "inviter": "Ann Acme",
        "choose_url": "https://acme.example/password/1",
    },
    "password_reset": {},
}


@pytest.mark.parametrize("kind", NEEDED)
def test_each_template_says_what_it_was_given(kind: str) -> None:
    values = NEEDED[kind] | MORE[kind] | {"name": "Ann Lee", "seller": "Acme Billing"}
    subject, body = writing.write(kind, values)
    assert subject
    assert "\n" not in subject
    assert body.startswith("Hello Ann Lee,\n\n")
    assert body.endswith("\n\nAcme Billing\n")
    for name, value in values.items():
        if name != "days":
            assert str(value) in subject + body, name


@pytest.mark.parametrize("kind", NEEDED)
def test_each_template_does_with_the_least(kind: str) -> None:
    subject, body = writing.write(kind, NEEDED[kind])
    assert subject
    assert body.startswith("Hello,\n\n")
    assert "{" not in subject + body
    assert "\n\n\n" not in body
    assert body == body.strip() + "\n"
    assert not [line for line in body.splitlines() if line != line.rstrip()]
    for name in NEEDED[kind]:
        with pytest.raises(jinja2.UndefinedError):
            writing.write(kind, {key: value for key, value in NEEDED[kind].items() if key != name})


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        (-3, "Invoice INV-1 is due on 14 February 2027"),
        (0, "Invoice INV-1 is due today"),
        (1, "Invoice INV-1 is 1 day overdue"),
        (7, "Invoice INV-1 is 7 days overdue"),
    ],
)
def test_reminders_know_what_day_it_is(days: int, subject: str) -> None:
    values = {**AMOUNT, "number": "INV-1", "due_on": "14 February 2027", "days": days}
    assert writing.write("invoice_reminder", values)[0] == subject


def test_a_whole_message() -> None:
    assert writing.write(
        "payment_failed",
        AMOUNT | {"name": "Ann", "number": "INV-1", "reason": "the card was declined", "seller": "Acme"},
    ) == (
        "Your payment of 29.00 USD did not go through",
        "Hello Ann,\n\n"
        "we tried to collect 29.00 USD for invoice INV-1, and it did not go through: the card was declined.\n\n"
        "If you have paid it meanwhile, there is nothing left to do.\n\n"
        "Acme\n",
    )


def test_a_sender_is_an_address_with_a_name_before_it() -> None:
    assert writing.sender("Acme", "billing@acme.example") == "Acme <billing@acme.example>"
    assert writing.sender("", "billing@acme.example") == "billing@acme.example"
    assert writing.sender("Acme, Inc.", "billing@acme.example") == '"Acme, Inc." <billing@acme.example>'
    assert writing.sender("Ünïon\n", "billing@acme.example") == "Ünïon <billing@acme.example>"
    assert writing.sender("Acme", "") == ""


def test_what_does_not_go_through_is_tried_over_two_days() -> None:
    pauses = [pause(attempts) for attempts in range(1, 12)]
    waits = [wait for wait in pauses if wait is not None]
    assert waits == sorted(waits)
    assert timedelta(hours=47) < sum(waits, timedelta()) < timedelta(hours=49)
    assert pauses[len(waits) :] == [None] * (11 - len(waits))


def test_what_no_one_sees_stays_out_of_headers() -> None:
    name = "Pro \U0001f469\u200d\U0001f4bb\u202e\u2028 plan"
    assert (
        writing.sender(name, "billing@acme.example") == "Pro \U0001f469\U0001f4bb plan <billing@acme.example>"
    )
    values = {"url": name, "endpoint": "we_1", "reason": "gone", "failures": "3"}
    subject, _ = writing.write("endpoint_disabled", values)
    assert subject == "A webhook endpoint was disabled: Pro \U0001f469\U0001f4bb plan"
