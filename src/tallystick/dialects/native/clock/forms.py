"""The bodies of the test clock."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from tallystick.dialects.native.forms import Form, Moment
from tallystick.domain.clocks.model import Duration, parse_duration

_MOST = 10**10  # seconds: beyond what a clock is moved by


def _by(value: object) -> Duration:
    if type(value) is int:
        if not 0 <= value <= _MOST:
            raise ValueError("must not be negative, nor more than ten years")
        return Duration(exact=timedelta(seconds=value))
    if not isinstance(value, str):
        raise ValueError("must be seconds, or an ISO 8601 duration such as P1M or P30D")
    return parse_duration(value)


class Advance(Form):
    """Either ``to``, a moment, or ``by``, how far on."""

    to: Moment | None = None
    by: (
        Annotated[
            Duration,
            PlainValidator(_by),
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "integer", "minimum": 0},
                        {"type": "string", "pattern": "^P[0-9YMWDTHS]+$", "examples": ["P1M"]},
                    ]
                }
            ),
        ]
        | None
    ) = Field(None, description="Seconds, or an ISO 8601 duration of whole numbers.")
