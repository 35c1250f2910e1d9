"""People: who they are, the accounts they are members of, and their passwords."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import me, members, passwords, shapes, users

_T: Final = "People"
_A: Final = "Access"
_MEMBERS: Final = "/v2/accounts/{account}/members"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("POST", "/v2/auth/logout", passwords.logout, 200, shapes.SignedOut, _A, public=True),
    Cold("POST", "/v2/auth/password/forgot", passwords.forget_password, 202, shapes.LinkAsked, _A, public=True),
    Cold("POST", "/v2/auth/password/reset", passwords.reset_password, 200, shapes.PasswordSet, _A, public=True),
    Cold("POST", "/v2/auth/password/change", passwords.change_password, 200, shapes.PasswordSet, _A, more=("429",)),

    Cold("GET", "/v2/me", me.read_me, 200, shapes.Me, _T),
    Cold("PUT", "/v2/me/home", me.put_home, 200, shapes.Me, _T),

    Cold("GET", _MEMBERS, members.list_members, 200, shapes.Member, _T, listed=True),
    Cold("POST", _MEMBERS, members.invite_member, 201, shapes.Member, _T),
    Cold("PATCH", _MEMBERS + "/{user}", members.patch_member, 200, shapes.Member, _T),
    Cold("DELETE", _MEMBERS + "/{user}", members.remove_member, 200, shapes.DeletedMember, _T),

    Cold("GET", "/v2/users", users.list_users, 200, shapes.User, _T, listed=True),
    Cold("POST", "/v2/users", users.create_user, 201, shapes.User, _T),
    Cold("GET", "/v2/users/{user}", users.read_user, 200, shapes.User, _T),
    Cold("PATCH", "/v2/users/{user}", users.patch_user, 200, shapes.User, _T),
]
# fmt: on
