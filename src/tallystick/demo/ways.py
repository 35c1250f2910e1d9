"""The ways in to the demo's first customer: what each contract calls them, and the credential that it takes."""

from typing import Any

from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import keys, sign_in, views
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.kernel.actor import Mode, Scope
from tallystick.kernel.ids import typeid

from .scene import BY, Scene
from .team import EMAIL, gather


async def ways_in(scene: Scene, account: int) -> dict[str, Any]:
    """A new key and a new password, and under each contract's name the ids that it asks for."""
    system, tenant = scene.system, scene.tenant
    password = await gather(scene, account)
    async with system.db.tx() as tx:
        key = await keys.create_api_key(
            tx, system.secrets, tenant, name="Demo", scope=Scope.ADMIN, created_by=BY
        )
        row = await views.account(tx, tenant, account)
        app = (await views.tenant(tx, tenant)).app_id
        package = await catalog.package_by_key(tx, tenant, "pack-small")
        held = await subscriptions.current(tx, tenant, account)
        invoices = await invoicing.invoices(tx, tenant, account=account, status="paid", limit=1)
        plan = scene.plans["starter"] if held is None else held.plan
    signed = await sign_in.sign_in(
        system.db, system.secrets, system.clock, app=app, mode=Mode.TEST, email=EMAIL, password=password
    )
    id = typeid("acct", row.uuid)
    person = {"email": EMAIL, "password": password, "mode": "test", "access_token": signed.tokens.access}
    return {
        "test_key": key.text,
        "access_token": signed.tokens.access,
        "refresh_token": signed.tokens.refresh,
        "email": EMAIL,
        "password": password,
        "account_id": id,
        "account_number": row.number,
        "account_uuid": str(row.uuid),
        "app_id": typeid("app", app),
        "native": {"key": key.text, "account": id, "package": "pack-small"},
        "igny8": {**person, "account_id": row.number, "package_id": package.number},
        "practice": {"key": key.text, "practice_id": row.number, "package_id": package.number},
        "credibill": {
            "key": key.text,
            "customerId": id,
            "planId": typeid("plan", plan),
            "subscriptionId": None if held is None else typeid("sub", held.id),
        },
        "account": {**person, "user_id": signed.user.number},
        "appvector": {
            **person,
            "workspace_id": str(row.uuid),
            "user_id": signed.user.number,
            "plan_id": str(scene.plans["enterprise"]),
            "plan_tier": "ENTERPRISE",
            "feature_key": "api_calls",
            "invoice_id": str(invoices.rows[0].id),
        },
    }
