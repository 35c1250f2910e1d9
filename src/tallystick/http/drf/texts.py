"""What the framework says, word for word."""

from typing import Final

NOT_FOUND: Final = "Not found."
NOT_AUTHENTICATED: Final = "Authentication credentials were not provided."
PERMISSION_DENIED: Final = "You do not have permission to perform this action."
NOT_VALID: Final = "Given token not valid for any token type"
INVALID_OR_EXPIRED: Final = "Token is invalid or expired"
BAD_HEADER: Final = "Authorization header must contain two space-delimited values"
INACTIVE: Final = "User is inactive"
NO_ACTIVE_ACCOUNT: Final = "No active account found for the given token."


def method_not_allowed(method: str) -> str:
    return f'Method "{method}" not allowed.'


def unsupported_media_type(media: str) -> str:
    return f'Unsupported media type "{media}" in request.'
