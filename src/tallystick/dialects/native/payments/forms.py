"""The bodies and queries of checkouts, payments, ways to pay, refunds, disputes and the gateways' settings."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from tallystick.dialects.native.forms import (
    Account,
    Amount,
    CreditType,
    Form,
    Id,
    Metadata,
    Reason,
    Reference,
)
from tallystick.dialects.native.invoices.forms import Minor
from tallystick.dialects.native.plans.forms import Code
from tallystick.dialects.native.queries import Listed, Query
from tallystick.dialects.native.subscriptions.forms import Overrides, Plan
from tallystick.dialects.native.texts import line
from tallystick.domain.payments.model import (
    CheckoutKind,
    CheckoutStatus,
    DisputeStatus,
    RefundStatus,
    Status,
    Take,
)
from tallystick.http.paging import DEFAULT, Limit
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import parse_typeid

Gateway = Annotated[
    str,
    *line(40, 1),
    Field(description="A gateway's name; by default the standard one.", examples=["sandbox"]),
]
Url = Annotated[
    str,
    *line(2000, 1),
    Field(
        description="`https`; or this server's own address, or `http` to this machine in test mode.",
        examples=["https://shop.example.com/thanks"],
    ),
]
Secret = Annotated[str, *line(500)]


class CreditsWanted(Form):
    """A free amount of credits, at the credit type's price."""

    amount: Amount
    credit_type: CreditType | None = None


class NewCheckout(Form):
    """One of ``plan``, ``package``, ``credits``, ``invoice``, or ``method``: a way to pay is saved, nothing is paid."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account": "ext:customer-1",
                    "credits": {"amount": 500},
                    "success_url": "https://shop.example.com/thanks",
                }
            ]
        }
    )

    account: Account
    plan: Plan | None = None
    package: Annotated[Code, Field(description="A package's id or key.")] | None = None
    credits: CreditsWanted | None = None
    invoice: Id | None = None
    method: Literal[True] | None = None
    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="Of the plan; by default its latest. Not for members."
    )
    overrides: Overrides | None = Field(
        None, description="What differs from the plan for this customer. Not for members."
    )
    billing: Literal["anniversary", "calendar"] | None = None
    trial: bool = Field(True, description="Whether to begin with the plan's trial, if there was none yet.")
    gateway: Gateway | None = None
    save_method: bool | None = Field(
        None,
        description="Whether to keep the way to pay for later charges, with the customer's consent. Absent: for a "
        "plan that is paid each period, which the page says; else not.",
    )
    success_url: Url | None = Field(None, description="Where the customer goes afterwards.")
    cancel_url: Url | None = None
    metadata: Metadata | None = None


class Expire(Form):
    """Nothing need be said."""


class NewPayment(Form):
    """Charge a saved way to pay for all that an invoice needs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"invoice": "inv_01h455vb4pex5vsknk084sn02q"}]})

    invoice: Id
    method: Id | None = Field(None, description="By default the customer's standard one.")


class Approve(Form):
    """By default all that was asked came."""

    amount: Minor | None = None
    reference: Reference | None = None


class Reject(Form):
    reason: Reason


class NewRefund(Form):
    """Without ``amount`` all that is left of the payment goes back.

    ``credits`` says what is taken back of those that the money bought, by default as the payment policy says: what is
    ``unspent`` of them, of the whole ``wallet``, or nothing (``keep``).
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment": "pay_01h455vb4pex5vsknk084sn02q", "amount": "4.00"}]}
    )

    payment: Id
    amount: Minor | None = None
    credits: Take | None = None
    reason: Reason | None = None


class Retry(Form):
    """Nothing need be said."""


class Complete(Form):
    reference: Reference | None = None


class CloseDispute(Form):
    outcome: Literal["won", "lost"]
    reason: Reason | None = None


class NewPortalSession(Form):
    model_config = ConfigDict(json_schema_extra={"examples": [{"account": "ext:customer-1"}]})

    account: Account
    return_url: Url | None = None
    gateway: Gateway | None = None


class PutGateway(Form):
    """Replaces all but the secrets: those that are not named stay, and an empty one is taken away."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"enabled": True, "standard": True, "options": {}}]}
    )

    enabled: bool = True
    standard: bool | None = Field(
        None,
        description="Whether it is used where none is named; absent, it stays as it is. Where none is marked it is the "
        "first that can be used: in live mode of stripe, manual and the sandbox, in test mode the sandbox before "
        "those. In live mode the sandbox works only where it was switched on here, and as the standard one.",
    )
    options: Metadata = Field(
        default_factory=dict,
        description="Of `manual`: `title`, what the customer reads over the page, and `instructions`, where to send "
        "the money. Stripe and the sandbox have none.",
    )
    secrets: Annotated[dict[Code, Secret], Field(max_length=20)] | None = Field(
        None, description="Of `stripe`: `secret_key` and `webhook_secret`. The others have none."
    )


RetryDay = Annotated[int, Field(ge=0, le=60)]
Day = Annotated[int, Field(ge=-60, le=365)]


class PutPolicy(Form):
    """Replaces all; what is absent becomes the default."""

    duplicates: Literal["refund", "credit"] = Field(
        "refund", description="What becomes of money that an invoice needs no more."
    )
    refunds: Take = Field(
        "unspent", description="What a refund takes back of the credits that the money bought."
    )
    disputes: Literal["freeze", "claw_back", "none"] = Field(
        "claw_back",
        description="While one is open the account is blocked, its unspent credits are taken, or nothing.",
    )
    retry_days: Annotated[list[RetryDay], Field(max_length=20)] = Field(
        [0, 1, 3, 5, 7], description="When an invoice is charged, in days after its issue."
    )
    reminder_days: Annotated[list[Day], Field(max_length=20)] = Field(
        [-3, 0, 1, 7], description="When its customer is reminded, in days after it is due."
    )


EXPIRE = Expire()
APPROVE = Approve(amount=None)
RETRY = Retry()
COMPLETE = Complete(reference=None)
"""What is meant when a request has no body."""


class _OfAccount(Listed):
    account: Account | None = None


class _ById(_OfAccount):
    def before(self, prefix: str) -> UUID | None:
        """The row to go on from. Raises Invalid."""
        if self.cursor is None:
            return None
        found = parse_typeid(prefix, self.cursor)
        if found is None:
            raise Invalid("cursor", "is not one that this list gave")
        return found


class CheckoutsQuery(_ById):
    invoice: Id | None = None
    kind: CheckoutKind | None = None
    status: CheckoutStatus | None = None


class PaymentsQuery(_OfAccount):
    invoice: Id | None = None
    checkout: Id | None = None
    status: Status | None = None


class RefundsQuery(_ById):
    payment: Id | None = None
    status: RefundStatus | None = None


class DisputesQuery(_ById):
    payment: Id | None = None
    status: DisputeStatus | None = None


class HistoryQuery(Query):
    limit: Limit = DEFAULT
    gateway: Gateway | None = None
