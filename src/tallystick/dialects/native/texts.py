"""Fields that are text, for the forms of every area."""

from typing import Any

from pydantic import PlainValidator, WithJsonSchema

from tallystick.http.strict import check_text


def line(longest: int, shortest: int = 0) -> Any:
    """What annotates a string of so many characters: the check, and the schema that tells of it."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        return check_text(value, longest, shortest=shortest)

    schema = {"type": "string", "minLength": shortest, "maxLength": longest}
    return PlainValidator(check), WithJsonSchema(schema)
