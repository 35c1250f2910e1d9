"""A server whose live app takes money through a Stripe of the tests' own."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.served import House, housed
from tests.doubles.stripe import StripeDouble

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def stripe() -> Iterator[StripeDouble]:
    with StripeDouble() as double:
        yield double


@pytest.fixture(scope="package")
def house(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    name = f"tallystick_stripe_{os.getpid()}_{next(_numbers)}"
    with housed(
        server, template, name, stripe_secret_key=stripe.key, stripe_webhook_secret=stripe.secret,
        stripe_api_base=stripe.url,
    ) as house:  # fmt: skip
        yield house
