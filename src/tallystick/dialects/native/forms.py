"""The same bodies, and all others, as strict Pydantic models: they tell every fault, and document the contract."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from tallystick.domain.ledger.commands import OnExpiry, Overage, Source
from tallystick.http import strict
from tallystick.kernel.actor import Mode, Scope

from . import fields


def _decimal(description: str, example: str, *, least: int = 1) -> dict[str, Any]:
    """The schema of what `fields.parse_credits` reads; ``least`` is 0 for `fields.parse_credits_or_zero`."""
    return {
        "description": description,
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": 9007199254},
            {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$"},
        ],
        "examples": [example],
    }


_CREDITS = "Credits: an integer, or a decimal string of at most six decimals."
_UNITS = "Units, an integer or a decimal string of at most six decimals."
_UNIT_PRICE = (
    "Minor units of the currency (cents), an integer or a decimal string of at most six decimals: "
    '"0.5" is half a cent.'
)
_OF_FEATURE = "Units of a HARD_LIMIT feature (whole ones), or credits of a CREDIT_BASED one."
MONEY: Final = (
    "Money: an integer of minor units (4900), or a decimal string of major units with all decimals of the "
    'currency ("49.00" USD, "49" UGX).'
)


def _text(longest: int, shortest: int = 0) -> Any:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        return strict.check_text(value, longest, shortest=shortest)

    schema = {"type": "string", "minLength": shortest, "maxLength": longest}
    return _checked(check, schema)


def _checked(check: Callable[[Any], Any], schema: dict[str, Any]) -> Any:
    return _Check(check, schema)


class _Check:
    """Annotates a field with one of our own checks and the schema that tells of it."""

    def __init__(self, check: Callable[[Any], Any], schema: dict[str, Any]) -> None:
        self._validator = PlainValidator(check)
        self._schema = WithJsonSchema(schema)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return self._validator.__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        return self._schema.__get_pydantic_json_schema__(core, handler)


def _integer(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


Amount = Annotated[int, _checked(fields.parse_credits, _decimal(_CREDITS, "12.5"))]
AmountOrZero = Annotated[int, _checked(fields.parse_credits_or_zero, _decimal(_CREDITS, "12.5", least=0))]
Quantity = Annotated[int, _checked(fields.parse_credits, _decimal(_UNITS, "1000"))]
QuantityOrZero = Annotated[int, _checked(fields.parse_credits_or_zero, _decimal(_UNITS, "1000", least=0))]
UnitPrice = Annotated[int, _checked(fields.parse_credits_or_zero, _decimal(_UNIT_PRICE, "0.5", least=0))]
FeatureAmount = Annotated[int, _checked(fields.parse_credits, _decimal(_OF_FEATURE, "1"))]
Account = Annotated[
    str,
    _text(1000, 1),
    Field(description="An account's id, or `ext:` and its external id.", examples=["ext:customer-1"]),
]
CreditType = Annotated[str, _text(63, 1), Field(description="A credit type's code; by default the app's.")]
Reference = Annotated[str, _text(fields.MAX_REFERENCE)]
Description = Annotated[str, _text(fields.MAX_DESCRIPTION)]
Reason = Annotated[
    str, _checked(fields.reason, {"type": "string", "minLength": 1, "maxLength": fields.MAX_REASON})
]
Metadata = Annotated[
    dict[str, Any], _checked(fields.metadata, {"type": "object", "description": "At most 16 KiB."})
]
Moment = Annotated[datetime, _checked(fields.moment, {"type": "string", "format": "date-time"})]
Operation = Annotated[
    str,
    _checked(fields.operation, {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"}),
]
Priority = Annotated[int, _checked(fields.priority, _integer(0, fields.MAX_PRIORITY))]
Seconds = Annotated[int, _checked(fields.seconds, _integer(1, fields.MAX_SECONDS))]
Currency = Annotated[str, _checked(fields.currency, {"type": "string", "pattern": "^[A-Z]{3}$"})]
CustomerKind = Literal["individual", "business"]
AccountStatus = Literal["active", "inactive", "blocked"]
Id = Annotated[str, _text(100, 1)]
Key = Annotated[str, _text(255, 1)]


class Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Labelled(Form):
    reference: Reference | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class Paid(Form):
    """What was paid."""

    amount: int | str = Field(description=MONEY, examples=["9.99"])
    currency: Currency


class Grant(Labelled):
    """Credits for an account: a purchase, a plan's allowance, a bonus."""

    account: Account
    amount: Amount
    credit_type: CreditType | None = None
    source: Source | None = Field(None, description="By default `bonus`.")
    priority: Priority | None = Field(None, description="The lowest is burned first; by default 50.")
    expires_at: Moment | None = None
    paid: Paid | None = None


class Debit(Labelled):
    """Either ``amount``, or ``operation`` and ``quantity`` for what the rate card says."""

    account: Account
    amount: Amount | None = None
    credit_type: CreditType | None = None
    operation: Operation | None = None
    quantity: Quantity | None = None


class Hold(Labelled):
    """Credits to set aside for ``expires_in`` seconds."""

    account: Account
    amount: Amount
    expires_in: Seconds
    credit_type: CreditType | None = None
    on_expiry: OnExpiry | None = Field(None, description="By default `release`.")


class Extend(Form):
    """More credits, more time (from now), or both."""

    amount: Amount | None = None
    expires_in: Seconds | None = None


class Capture(Form):
    """``final`` releases the rest. ``overage`` says what becomes of more than is held: by default `refuse`."""

    amount: Amount
    final: bool | None = None
    overage: Overage | None = None


class Report(Form):
    """What is used so far, all in all."""

    amount: AmountOrZero


class Release(Form):
    """Nothing need be said."""


class Reverse(Form):
    """Without ``amount``: all that is not undone yet."""

    reason: Reason
    amount: Amount | None = None


class Refund(Form):
    """Credits whose price is given back."""

    amount: Amount
    reason: Reason


class Transfer(Labelled):
    from_: Account = Field(alias="from")
    to: Account
    amount: Amount
    credit_type: CreditType | None = None


class Adjust(Form):
    account: Account
    direction: Literal["credit", "debit"]
    amount: Amount
    reason: Reason
    credit_type: CreditType | None = None


class SetOverdraft(Form):
    """How far below zero the wallet may go."""

    overdraft: AmountOrZero
    credit_type: CreditType | None = None


class PostalAddress(Form):
    """``country`` is a code of ISO 3166-1: two capital letters."""

    line1: Annotated[str, _text(255)] | None = None
    line2: Annotated[str, _text(255)] | None = None
    city: Annotated[str, _text(255)] | None = None
    region: Annotated[str, _text(255)] | None = None
    postal_code: Annotated[str, _text(255)] | None = None
    country: Annotated[str, _checked(fields.country, {"type": "string", "pattern": "^[A-Z]{2}$"})] | None = (
        None
    )


class NewAccount(Form):
    external_id: Annotated[str, _text(255, 1)] | None = None
    name: Annotated[str, _text(255)] | None = None
    email: Annotated[str, _text(254)] | None = None
    first_name: Annotated[str, _text(100)] | None = None
    last_name: Annotated[str, _text(100)] | None = None
    phone: Annotated[str, _text(50)] | None = None
    kind: CustomerKind | None = Field(None, description="By default `individual`.")
    address: PostalAddress | None = None
    tax_id: Annotated[str, _text(100)] | None = None
    tax_exempt: bool | None = None
    currency: Currency | None = None
    time_zone: Annotated[str, _text(64, 1)] | None = None
    metadata: Metadata | None = None


class AccountPatch(Form):
    """What is absent stays; an ``external_id`` of null takes it away, and an ``address`` replaces the whole."""

    external_id: Annotated[str, _text(255, 1)] | None = None
    name: Annotated[str, _text(255)] = ""
    email: Annotated[str, _text(254)] = ""
    first_name: Annotated[str, _text(100)] = ""
    last_name: Annotated[str, _text(100)] = ""
    phone: Annotated[str, _text(50)] = ""
    kind: CustomerKind = "individual"
    address: PostalAddress = Field(default_factory=PostalAddress)
    tax_id: Annotated[str, _text(100)] = ""
    tax_exempt: bool = False
    status: AccountStatus = Field(
        "active", description="A blocked account keeps its credits and spends none."
    )
    currency: Currency = "USD"
    time_zone: Annotated[str, _text(64, 1)] = "UTC"
    metadata: Metadata = Field(default_factory=dict)


class PutCreditType(Form):
    """``default``: this type is meant when a request names none.

    ``unit_price``: what a credit costs where any amount may be bought, in minor units of the app's currency; one of
    them unless it says otherwise. What is absent stays.
    """

    code: Annotated[str, _text(63, 1)]
    name: Annotated[str, _text(100, 1)]
    default: bool = False
    unit_price: UnitPrice | None = None


class NewRate(Form):
    """What one unit of an operation costs."""

    operation: Operation
    cost: Amount
    credit_type: CreditType | None = None


class PutRateCard(Form):
    rates: list[NewRate] = Field(max_length=1000)
    effective_at: Moment | None = None


class NewApiKey(Form):
    name: Annotated[str, _text(100, 1)]
    scope: Annotated[
        Scope,
        _checked(
            lambda value: _one_of(Scope, value), {"type": "string", "enum": [scope.value for scope in Scope]}
        ),
    ]
    expires_at: Moment | None = None


class Login(Form):
    """``mode`` chooses live or test data; by default live."""

    email: Annotated[str, _text(254, 1)]
    password: Annotated[str, Field(max_length=1024)]
    mode: (
        Annotated[
            Mode,
            _checked(
                lambda value: _one_of(Mode, value), {"type": "string", "enum": [mode.value for mode in Mode]}
            ),
        ]
        | None
    ) = None


class Refresh(Form):
    refresh: Annotated[str, _text(8192, 1)]


class Answered(Form):
    """A request that the product answered itself."""

    account: Account
    route: Annotated[str, _text(200, 1)]
    status: int = Field(ge=100, le=599)
    time: Moment | None = None


class Requests(Form):
    requests: list[Answered] = Field(max_length=1000)


def _one_of(kind: Any, value: object) -> Any:
    names = [member.value for member in kind]
    if value not in names:
        raise ValueError("must be " + ", ".join(names[:-1]) + " or " + names[-1])
    return kind(value)
