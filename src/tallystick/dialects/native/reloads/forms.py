"""The bodies of automatic purchases and alerts."""

from typing import Annotated

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from tallystick.dialects.native.forms import Amount, CreditType, Form, Id, Key
from tallystick.dialects.native.invoices.forms import Minor
from tallystick.dialects.native.queries import Listed
from tallystick.domain.reloads.model import COOLDOWN, MAX_COOLDOWN


def _cooldown(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COOLDOWN:
        raise ValueError(f"must be an integer from 0 to {MAX_COOLDOWN}")
    return value


Cooldown = Annotated[
    int,
    PlainValidator(_cooldown),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_COOLDOWN, "default": COOLDOWN}),
    Field(description="Seconds from the start of one reload to the next."),
]


class PutAutoReload(Form):
    """Either ``amount``, credits at the type's price, or a ``package``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"threshold": 100, "amount": 500, "monthly_cap": "50.00"}],
        }
    )

    threshold: Amount = Field(description="Credits are bought when the wallet falls below it.")
    amount: Amount | None = None
    package: Key | None = Field(None, description="A package's id or key, which sells this credit type.")
    payment_method: Id | None = Field(
        None,
        description="What is charged; by default the account's standard way to pay, whatever it is then.",
    )
    cooldown_seconds: Cooldown = COOLDOWN
    monthly_cap: Minor | None = Field(
        None,
        description="The most that is spent in a calendar month of the account's time zone, tax included.",
    )
    enabled: bool = True


class NewAlert(Form):
    model_config = ConfigDict(json_schema_extra={"examples": [{"threshold": 100, "email": True}]})

    threshold: Amount
    credit_type: CreditType | None = None
    email: bool = Field(False, description="Tell the customer by e-mail too.")


class AlertsQuery(Listed):
    credit_type: CreditType | None = None
