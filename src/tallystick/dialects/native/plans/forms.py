"""The bodies and queries of features, plans and packages. Money in a plan is of the plan's currency."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.config import JsonDict

from tallystick.dialects.native.fields import money, parse_credits_or_zero
from tallystick.dialects.native.forms import (
    MONEY,
    Amount,
    AmountOrZero,
    CreditType,
    Currency,
    Form,
    Key,
    Metadata,
    Quantity,
    QuantityOrZero,
    UnitPrice,
)
from tallystick.dialects.native.queries import Listed
from tallystick.dialects.native.texts import line
from tallystick.domain.catalog.components import KINDS, Kind
from tallystick.domain.catalog.model import FeatureType, PlanStatus
from tallystick.domain.catalog.terms import Interval, Mode, Reset
from tallystick.kernel.money import MAX_MINOR


def _value(value: object) -> bool | int | None:
    if value is None or type(value) is bool:
        return value
    if type(value) is int and 0 <= value <= MAX_MINOR:
        return value
    raise ValueError("must be true, false, an integer or null")


_CODE_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"})
_code, _ = line(100, 1)

Code = Annotated[str, _code, _CODE_SCHEMA]
"""A key of the product's own: it may stand in a path in place of the id."""
Name = Annotated[str, *line(255, 1)]
Label = Annotated[str, *line(255)]
Description = Annotated[str, *line(2000)]
Category = Annotated[str, *line(100)]
Unit = Annotated[str, *line(50)]
Price = Annotated[
    int | str,
    PlainValidator(money),
    WithJsonSchema(
        {
            "description": MONEY,
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 10**12},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$"},
            ],
            "examples": ["49.00"],
        }
    ),
]
FeatureValue = Annotated[
    bool | int | None,
    PlainValidator(_value),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0}, {"type": "null"}]}),
]
Features = Annotated[
    dict[Code, FeatureValue],
    Field(
        max_length=500,
        description="By feature key: true or false; of a HARD_LIMIT how many (null: without limit).",
        examples=[{"seats": 5, "sso": True}],
    ),
]
Days = Annotated[int, Field(ge=0, le=730)]
Percent = Annotated[
    int,
    PlainValidator(parse_credits_or_zero),
    WithJsonSchema(
        {
            "description": "Per cent of what the meter says, which is money in minor units: an integer or a "
            'decimal string of at most four decimals ("2.9").',
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,4})?$"},
            ],
            "examples": ["2.9"],
        }
    ),
]


class NewTier(Form):
    """Units up to and with ``up_to`` (null: all the rest), at ``unit_price`` each, and ``flat`` once."""

    up_to: Quantity | None = None
    unit_price: UnitPrice | None = None
    flat: Price | None = None


class ComponentFields(Form):
    """What a component may be given: which of it depends on its kind."""

    name: Label | None = None
    amount: Price | None = Field(None, description="flat: charged in advance, each billing period.")
    unit_price: UnitPrice | None = None
    free_units: QuantityOrZero | None = Field(None, description="Come off the quantity first.")
    tiers: list[NewTier] | None = Field(
        None, max_length=100, description="graduated, volume, stairstep: ascending, the last without up_to."
    )
    package_size: Quantity | None = None
    package_price: Price | None = None
    rate: Percent | None = None
    minimum: Price | None = Field(None, description="What the component costs at least in a period.")


class NewComponent(ComponentFields):
    """A part of the price: ``flat`` in advance, every other kind for a meter's quantity in arrears."""

    key: Code
    kind: Kind = Field(description=", ".join(KINDS))
    meter: Code | None = Field(
        None,
        description="Key of the meter, of usage kinds; one that is not defined gets a sum meter. The meter of a "
        "percentage measures money in minor units: events of 4900 for 49.00 USD.",
    )


class NewRollover(Form):
    """``limit``: with up_to, how much at most. ``periods``: how often a lot may roll over; without end if absent."""

    mode: Mode
    limit: Amount | None = None
    periods: int | None = Field(None, ge=1, le=1000)


class AllowanceFields(Form):
    amount: Amount | None = None
    reset: Reset | None = None
    rollover: NewRollover | None = None
    priority: int | None = Field(None, ge=0, le=1000)


class NewAllowance(AllowanceFields):
    """Credits granted anew at every reset (by default monthly)."""

    amount: Amount
    credit_type: CreditType | None = None


class _Offered(Form):
    description: Description = ""
    tier: Code | None = Field(None, description="Groups plans of one family.")
    rank: int | None = Field(None, ge=0, le=1_000_000, description="Tells which plan is the higher one.")
    status: PlanStatus = "active"
    metadata: Metadata = Field(default_factory=dict)
    components: list[NewComponent] = Field(default_factory=list, max_length=50)
    allowances: list[NewAllowance] = Field(default_factory=list, max_length=50)
    features: Features = Field(default_factory=dict)
    trial_days: Days = 0
    debits: dict[Code, Code] = Field(
        default_factory=dict,
        max_length=500,
        description="Usage metric to rate-card operation: such events debit credits at once.",
    )


_PLAN: JsonDict = {
    "name": "Pro",
    "key": "pro-monthly",
    "tier": "pro",
    "rank": 2,
    "interval": "monthly",
    "currency": "USD",
    "components": [
        {"key": "base", "kind": "flat", "amount": "29.00"},
        {
            "key": "calls",
            "name": "API calls",
            "kind": "graduated",
            "meter": "calls",
            "free_units": "1000",
            "tiers": [{"up_to": "10000", "unit_price": "0.5"}, {"unit_price": "0.2"}],
        },
    ],
    "allowances": [{"amount": "500", "reset": "monthly", "rollover": {"mode": "all", "periods": 1}}],
    "trial_days": 14,
}


class NewPlan(_Offered):
    model_config = ConfigDict(json_schema_extra={"examples": [_PLAN]})

    name: Name
    interval: Interval
    currency: Currency
    key: Code | None = None


class PlanPatch(_Offered):
    """What is absent stays; lists and objects are replaced whole. Other terms make the next version."""

    name: Name = ""
    interval: Interval = "monthly"
    currency: Currency = "USD"


class NewQuote(Form):
    """Quantities by meter; one that is absent is zero. By default of the plan's version now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantities": {"calls": "12500"}}]})

    quantities: dict[Code, QuantityOrZero] = Field(default_factory=dict, max_length=100)
    version: int | None = Field(None, ge=1, le=2**31 - 1)


class NewFeature(Form):
    """``credit_type`` pays for a CREDIT_BASED feature, and belongs to no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"key": "seats", "name": "Seats", "type": "HARD_LIMIT", "unit": "seat"}]
        }
    )

    key: Code
    name: Name
    type: FeatureType
    description: Description = ""
    category: Category = ""
    unit: Unit = ""
    credit_type: CreditType | None = None


class FeaturePatch(Form):
    """What is absent stays. A feature's key and type never change."""

    name: Name = ""
    description: Description = ""
    category: Category = ""
    unit: Unit = ""
    credit_type: CreditType = ""


class PackagePrice(Form):
    amount: Price
    currency: Currency


class _Packed(Form):
    description: Description = ""
    bonus: AmountOrZero = 0
    expires_after_days: int | None = Field(None, ge=1, le=36_500)
    active: bool = True
    metadata: Metadata = Field(default_factory=dict)


class NewPackage(_Packed):
    """Credits and a bonus for a price; they expire so many days after the purchase, or never."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Small",
                    "credits": 1000,
                    "bonus": 50,
                    "price": {"amount": "9.00", "currency": "USD"},
                }
            ]
        }
    )

    name: Name
    credits: Amount
    price: PackagePrice
    key: Code | None = None
    credit_type: CreditType | None = None


class PackagePatch(_Packed):
    """What is absent stays."""

    name: Name = ""
    credits: Amount = 1
    price: PackagePrice = Field(default_factory=lambda: PackagePrice(amount=0, currency="USD"))
    credit_type: CreditType = ""


_Q = Field(None, description="A part of the name, in any case.")


class FeaturesQuery(Listed):
    type: FeatureType | None = None
    category: Key | None = None
    credit_type: CreditType | None = None
    q: Key | None = _Q


class PlansQuery(Listed):
    status: PlanStatus | None = None
    tier: Key | None = None
    interval: Interval | None = None
    currency: Currency | None = None
    q: Key | None = _Q


class PackagesQuery(Listed):
    active: Literal["true", "false"] | None = None
    currency: Currency | None = None
    credit_type: CreditType | None = None
    q: Key | None = _Q
