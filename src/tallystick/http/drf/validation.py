"""What stops a request before it means anything, as the framework says it."""

from tallystick.kernel.errors import Fact


class ValidationFailed(Fact):
    """Fields are wrong: ``errors`` has each one's messages; "non_field_errors" stands for the whole."""

    code = "invalid"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("The request has fields that are wrong.")
        self.errors = errors


class Refused(Fact):
    """The body cannot be read at all: 400 for what does not parse, 415 for a media type that nobody reads."""

    code = "refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
