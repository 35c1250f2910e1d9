"""The bodies of people, members and passwords."""

from typing import Annotated

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from tallystick.dialects.native.forms import Account, Form
from tallystick.dialects.native.texts import line
from tallystick.domain.identity.model import MIN_PASSWORD
from tallystick.domain.identity.passwords import MAX_PASSWORD
from tallystick.kernel.actor import Role

_NAME = 100
_EMAIL = 254


def _role(value: object) -> Role:
    if not isinstance(value, str) or value not in list(Role):
        raise ValueError("must be viewer, member, admin or owner")
    return Role(value)


Email = Annotated[str, *line(_EMAIL, 1), Field(examples=["ann@example.com"])]
Name = Annotated[str, *line(_NAME)]
RoleName = Annotated[
    Role, PlainValidator(_role), WithJsonSchema({"type": "string", "enum": [role.value for role in Role]})
]
NewPassword = Annotated[str, *line(MAX_PASSWORD, MIN_PASSWORD)]


class Nothing(Form):
    """Nothing need be said."""


class Invitation(Form):
    """``role`` is at most that of who invites."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "bob@example.com", "role": "member"}]}
    )

    email: Email
    role: RoleName = Role.MEMBER
    first_name: Name = Field("", description="Of somebody who is not known yet.")
    last_name: Name = Field("", description="Of somebody who is not known yet.")


class MemberPatch(Form):
    """``role`` is at most that of who changes it."""

    role: RoleName


class Place(Form):
    """An account, and the user's role in it."""

    account: Account
    role: RoleName = Role.MEMBER


class NewUser(Form):
    """Without a ``password`` the user signs in elsewhere, or asks for a link to choose one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "ann@example.com", "accounts": [{"account": "ext:customer-1", "role": "owner"}]}
            ]
        }
    )

    email: Email
    first_name: Name = ""
    last_name: Name = ""
    password: NewPassword | None = None
    staff: bool = False
    accounts: list[Place] = Field([], max_length=100, description="Of which the user is a member at once.")


class UserPatch(Form):
    """What is absent stays. Who is not ``active`` is signed out everywhere, and cannot sign in."""

    first_name: Name = ""
    last_name: Name = ""
    active: bool = True
    staff: bool = False


class Home(Form):
    """An account that the signed-in user is a member of."""

    account: Account


class Logout(Form):
    """The refresh token of the sign-in that ends."""

    refresh: Annotated[str, *line(8192, 1)]


class Forgotten(Form):
    """The address to which the link is sent."""

    email: Email


class Reset(Form):
    """``token`` is the last part of the link's address."""

    token: Annotated[str, *line(255, 1)]
    password: NewPassword


class PasswordChange(Form):
    """``old`` is the password there is."""

    old: Annotated[str, *line(MAX_PASSWORD)]
    new: NewPassword
