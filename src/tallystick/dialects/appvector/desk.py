"""What the handlers share, and who is asking for which workspace: the contract's word for an account."""

from contextlib import suppress
from typing import Any, Final, Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.appstores.desk import AppStores
from tallystick.domain.catalog.named import NamedFeatures
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import Asker, account_named, person, tenant_asked
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.google import GooglePeer
from tallystick.domain.identity.model import Secrets, Tenant
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.payments.till import Till
from tallystick.domain.subscriptions.buckets import Buckets
from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import check_header
from tallystick.http.drf.parsing import parsed
from tallystick.http.drf.validation import ValidationFailed
from tallystick.kernel.actor import Actor, Role, Scope
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Forbidden, NotFound, Unauthenticated

_MOST: Final = 100_000
_REQUIRED: Final = "This field is required."
_NOT_TEXT: Final = "Not a valid string."


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def credit_types(self) -> CreditTypes: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def balances(self) -> BalanceReader: ...
    @property
    def buckets(self) -> Buckets: ...
    @property
    def app_stores(self) -> AppStores: ...
    @property
    def till(self) -> Till: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def google(self) -> GooglePeer | None: ...


class Desk:
    """The system, and which account a workspace is: that never changes, and is asked with most requests."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.features = NamedFeatures(system.db)
        self._accounts: dict[tuple[int, str], int] = {}

    async def user(self, ask: Ask) -> Actor:
        """The user whose token it is, perhaps of no account any more; the request counts for the account that is
        meant. An API key signs nobody in.

        Raises as `check_header` and `person` do.
        """
        system = self.system
        header = check_header(ask.authorization)
        actor, account = await person(system.db, system.credentials, header, ask.x_account)
        if account is not None:
            ask.counted.add(account)
        return actor

    async def asker(self, ask: Ask, workspace: Any = None) -> Asker:
        """Who asks, and the workspace that is meant: the one that is named, else that of ``X-Account``, else the
        user's home. The request counts for it.

        ``workspace`` is what the body or the query says: a UUID, number or TypeID. A key has no home: it names one.
        Raises Unauthenticated, NotFound for one that the caller does not see, ValidationFailed.
        """
        actor = await self.actor(ask)
        return await self.of(actor, ask, workspace)

    async def tenant(self, ask: Ask) -> Tenant:
        """The tenant of a request that needs no credential: the one that ``X-App`` names, else that of a good
        credential, which may come nevertheless, else the standard one. Raises NotFound for an app that there is not.
        """
        actor = None
        if ask.x_app is None and ask.authorization is not None:
            with suppress(Unauthenticated):
                actor = await self.actor(ask)
        async with self.system.db.connection() as conn:
            if actor is not None:
                return await identity.tenant(conn, actor.tenant)
            return await tenant_asked(conn, ask.x_app, self.system.settings.default_app)

    async def actor(self, ask: Ask) -> Actor:
        """Whose credential it is: a user's token, or an API key. Raises Unauthenticated."""
        header, credentials = check_header(ask.authorization), self.system.credentials
        return credentials.cached(header) or await credentials.actor(header)

    async def of(self, actor: Actor, ask: Ask, workspace: Any = None) -> Asker:
        """`asker` for a credential that was read already."""
        if isinstance(workspace, int) and not isinstance(workspace, bool):
            workspace = str(workspace)
        if not (workspace is None or isinstance(workspace, str)):
            raise ValidationFailed({"workspace_id": [_NOT_TEXT]})
        named = ask.x_account if workspace is None or not workspace.strip() else workspace
        if named is None:
            if actor.user is None:
                raise ValidationFailed({"workspace_id": [_REQUIRED]})
            if actor.home is None:
                raise NotFound("workspace")
            account = actor.home
        else:
            account = await self._account(actor, named.strip())
        ask.counted.add(account)
        return Asker(actor, account)

    async def _account(self, actor: Actor, named: str) -> int:
        account = self._accounts.get((actor.tenant, named))
        if account is None:
            async with self.system.db.connection() as conn:
                account = await account_named(conn, actor, named)
            if len(self._accounts) >= _MOST:
                self._accounts.clear()
            self._accounts[actor.tenant, named] = account
        if not actor.whole_tenant and actor.role_in(account) is None:
            raise NotFound("workspace")
        return account


def must_be(who: Asker, role: Role) -> None:
    """Raises Forbidden for a member whose role is less, and for a key that only reads. Staff may all."""
    actor = who.actor
    if actor.key is not None and not actor.scope.includes(Scope.WRITE):
        raise Forbidden("API key lacks write permissions.")
    who.must_be(role)


def body(ask: Ask) -> Any:
    """The body, in any of the forms that the framework reads. Raises Refused."""
    return parsed(ask.content_type, ask.body)
