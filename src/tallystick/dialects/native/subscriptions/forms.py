"""Bodies and query parameters of subscriptions and features."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from pydantic import ConfigDict, Field

from tallystick.dialects.native.forms import Account, FeatureAmount, Form, Key, Metadata, Moment, Reason
from tallystick.dialects.native.plans.forms import (
    AllowanceFields,
    Code,
    ComponentFields,
    Days,
    Features,
    Label,
)
from tallystick.dialects.native.plans.reading import allowance_fields, component_fields
from tallystick.dialects.native.queries import Listed, Query
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import parse_typeid, typeid

Scope = Annotated[
    Label,
    Field(
        description="What a HARD_LIMIT is counted by, such as a project; by default the account as a whole."
    ),
]
Feature = Annotated[Code, Field(description="A feature's key.", examples=["projects"])]
Plan = Annotated[Key, Field(description="A plan's id or key.", examples=["pro-monthly"])]
Status = Literal["incomplete", "trialing", "active", "past_due", "paused", "cancelled", "ended"]


class Overrides(Form):
    """What differs from the plan for this customer: fields of its components by key, of allowances by credit type,
    features, and the days of the trial. Money is in the plan's currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"components": {"base": {"amount": "19.00"}}, "features": {"seats": 10}}]
        }
    )

    components: dict[Code, ComponentFields] | None = Field(None, max_length=50)
    allowances: dict[Code, AllowanceFields] | None = Field(None, max_length=50)
    features: Features | None = None
    trial_days: Days | None = None

    def inner(self, currency: str) -> dict[str, Any]:
        """As the catalog merges them. Raises Invalid."""
        made: dict[str, Any] = {}
        if self.components is not None:
            made["components"] = {
                key: component_fields(f"overrides.components.{key}", fields, currency)
                for key, fields in self.components.items()
            }
        if self.allowances is not None:
            made["allowances"] = {code: allowance_fields(fields) for code, fields in self.allowances.items()}
        if self.features is not None:
            made["features"] = self.features
        if self.trial_days is not None:
            made["trial_days"] = self.trial_days
        inner: dict[str, Any] = msgspec.to_builtins(made)
        return inner


class NewSubscription(Form):
    """``start`` is what periods are counted from: where it is past, the first is the one of now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account": "ext:customer-1", "plan": "pro-monthly"}]}
    )

    account: Account
    plan: Plan
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="By default the plan's latest.")
    start: Moment | None = Field(None, description="By default now. One to come: it waits until then.")
    trial: bool = Field(
        True, description="Whether to begin with the plan's trial, if the customer had none yet."
    )
    billing: Literal["anniversary", "calendar"] = Field(
        "anniversary", description="calendar: periods end with months; the first, shorter one is prorated."
    )
    overrides: Overrides | None = None
    metadata: Metadata | None = None


class SubscriptionPatch(Form):
    """What is absent stays; what is given replaces the whole. Other ``overrides`` apply from now on."""

    metadata: Metadata = Field(default_factory=dict)
    overrides: Overrides = Field(default_factory=Overrides)


class ChangePlan(Form):
    plan: Plan
    overrides: Overrides | None = Field(None, description="By default none: the new plan as it is.")


class Cancel(Form):
    at_period_end: bool = Field(True, description="False: now.")
    reason: Reason | None = None


class Pause(Form):
    resume_at: Moment | None = Field(None, description="By default it stays paused until it is resumed.")


class Resume(Form):
    """Nothing need be said."""


CANCEL: Final = Cancel(at_period_end=True)
PAUSE: Final = Pause(resume_at=None)
RESUME: Final = Resume()
"""What is meant when a request has no body."""


class SubscriptionsQuery(Listed):
    account: Account | None = None
    plan: Plan | None = None
    status: Status | None = None

    @property
    def before(self) -> UUID | None:
        """The subscription to go on from. Raises Invalid."""
        if self.cursor is None:
            return None
        before = parse_typeid("sub", self.cursor)
        if before is None:
            raise Invalid("cursor", "is not one that this list gave")
        return before


def cursor_of(last: UUID | None) -> str | None:
    return None if last is None else typeid("sub", last)


class CheckFeature(Form):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account": "ext:customer-1", "feature": "projects"}]}
    )

    account: Account
    feature: Feature
    amount: FeatureAmount | None = Field(None, description="By default 1.")
    scope: Scope | None = None


class ReleaseFeature(Form):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account": "ext:customer-1", "feature": "projects", "amount": 1}]}
    )

    account: Account
    feature: Feature
    amount: FeatureAmount
    scope: Scope | None = None


class ConsumeFeature(ReleaseFeature):
    metadata: Metadata | None = Field(None, description="Kept on the debit of a CREDIT_BASED feature.")


class EntitlementQuery(Query):
    amount: FeatureAmount | None = Field(None, description="By default 1.")
    scope: Scope | None = None
