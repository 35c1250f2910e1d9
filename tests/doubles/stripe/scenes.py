"""What may become of a page: each scene is played at the double, which records the events."""

import contextlib
from collections.abc import Callable
from typing import Final

from .server import StripeDouble
from .shelf import Refusal

Scene = Callable[[StripeDouble, str], None]
"""Plays a page, given by its session's id."""


def intent_of(double: StripeDouble, session: str) -> str:
    return str(double.shelf.things[session]["payment_intent"])


def paid(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)


def declined_then_paid(double: StripeDouble, session: str) -> None:
    for card in ("0002", "9995"):
        with contextlib.suppress(Refusal):
            double.customer_pays(session, card)
    double.customer_pays(session, "4444")


def with_a_step(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "3220")
    double.customer_steps(intent_of(double, session))


def step_refused_then_paid(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "3220")
    double.customer_steps(intent_of(double, session), approve=False)
    double.customer_pays(session)


def paid_later(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "3000")
    double.money_arrives(intent_of(double, session))


def never_arrived(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "3000")
    double.money_arrives(intent_of(double, session), arrives=False)


def declined_and_left(double: StripeDouble, session: str) -> None:
    with contextlib.suppress(Refusal):
        double.customer_pays(session, "9987")
    double.page_expires(session)


def left(double: StripeDouble, session: str) -> None:
    double.page_expires(session)


def refunded_in_parts(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)
    double.staff_refunds(intent_of(double, session), 900)
    double.staff_refunds(intent_of(double, session), 2000)


def refund_that_failed(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "5126")
    double.refund_ends(double.staff_refunds(intent_of(double, session), 900), arrives=False)


def refund_that_came_later(double: StripeDouble, session: str) -> None:
    double.customer_pays(session, "7726")
    double.refund_ends(double.staff_refunds(intent_of(double, session)), arrives=True)


def dispute_lost(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)
    double.bank_decides(double.bank_disputes(intent_of(double, session)), won=False)


def dispute_won(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)
    double.bank_decides(double.bank_disputes(intent_of(double, session)), won=True)


def refunded_in_part_and_disputed(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)
    intent = intent_of(double, session)
    double.staff_refunds(intent, 900)
    double.bank_decides(double.bank_disputes(intent), won=False)


def refunded_in_part_and_dispute_won(double: StripeDouble, session: str) -> None:
    double.customer_pays(session)
    intent = intent_of(double, session)
    double.staff_refunds(intent, 900)
    double.bank_decides(double.bank_disputes(intent), won=True)


SCENES: Final[dict[str, Scene]] = {
    scene.__name__: scene
    for scene in (
        paid,
        declined_then_paid,
        with_a_step,
        step_refused_then_paid,
        paid_later,
        never_arrived,
        declined_and_left,
        left,
        refunded_in_parts,
        refund_that_failed,
        refund_that_came_later,
        dispute_lost,
        dispute_won,
        refunded_in_part_and_disputed,
        refunded_in_part_and_dispute_won,
    )
}
