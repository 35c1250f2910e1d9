"""What each endpoint does: read the request, ask the domains, render."""

from typing import Any, Final
from uuid import UUID

from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Package
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.request_keys import in_steps, key_of
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.ledger import views as ledger
from tallystick.domain.ledger.views import Span
from tallystick.domain.payments import receipts
from tallystick.domain.payments.receipt_paper import receipt_pdf
from tallystick.http.accepting import VARY, preferred
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.errors import NotFound

from . import buying, forms, shapes
from .desk import Desk
from .estimates import standing
from .shapes import encode

PAGE: Final = 20
_JSON: Final = "application/json"
_PDF: Final = "application/pdf"


async def packages(desk: Desk, ask: Ask) -> Reply:
    """All packages of credits, those too that are not sold at the moment."""
    caller, system = await desk.caller(ask), desk.system
    credit_type = await system.credit_types.resolve(caller.tenant, None)
    rows: list[Package] = []
    before: int | None = None
    async with system.db.connection() as conn:
        while True:
            page = await catalog.packages(
                conn, caller.tenant, credit_type=credit_type, before=before, limit=500
            )
            rows += page.rows
            before = page.next_key
            if before is None:
                break
    return Reply(200, encode(shapes.packages(rows[::-1])))


async def purchase(desk: Desk, ask: Ask) -> Reply:
    """Buy a package: charge the card, add the credits, and say where the receipt is."""
    caller, key = await desk.caller(ask), check_key(ask.key)
    wanted = forms.purchase(ask.body)
    account = await desk.practice(caller, ask, wanted.practice)
    caller.must_buy(account)

    def show(body: shapes.Bought) -> tuple[int, Any]:
        return 200, body

    done = await in_steps(
        desk.system.db, caller.tenant, key_of("practice", account, key), ask.digest(wanted.said),
        lambda inner: buying.buy(desk, caller, account, wanted, inner), show,
    )  # fmt: skip
    return Reply(done.status, encode(done.body), headers_of(done.replayed))


async def balance(desk: Desk, ask: Ask) -> Reply:
    """Whole credits of a practice, and how many messages they last for."""
    caller, number = await desk.caller(ask), forms.practice_of(ask.query)
    account = await desk.practice(caller, ask, number)
    return Reply(200, encode(await standing(desk, caller.tenant, account, number)))


async def transactions(desk: Desk, ask: Ask) -> Reply:
    """The movements of a practice's credits, newest first, 20 a page."""
    caller, number = await desk.caller(ask), forms.practice_of(ask.query)
    page, system = forms.page_of(ask.query), desk.system
    account = await desk.practice(caller, ask, number)
    span = Span(credit_type=await system.credit_types.resolve(caller.tenant, None))
    start = (page - 1) * PAGE
    found = await ledger.history(system.db, caller.tenant, account, span, None, limit=PAGE, offset=start)
    if page > 1 and not found.entries:
        raise NotFound("page")
    async with system.db.connection() as conn:
        sold = await receipts.packages_of(conn, account, [entry.seq for entry in found.entries])
    more = start + PAGE < found.total
    return Reply(200, encode(shapes.transactions(number, page, found.entries, sold, more=more)))


async def receipt(desk: Desk, ask: Ask) -> Reply:
    """What was bought and how it was paid, as JSON or as PDF: also of a payment that was declined."""
    caller, system = await desk.caller(ask), desk.system
    found = await receipts.receipt(system.db, caller.tenant, _uuid(ask.params["uuid"]))
    if not caller.sees(found.account):
        raise NotFound("receipt")
    ask.counted.add(found.account)
    async with system.db.connection() as conn:
        account = await identity.account(conn, caller.tenant, found.account)
        settings = await invoicing.settings(conn, caller.tenant)
    if preferred(ask.accept, (_JSON, _PDF)) == _PDF:
        named = (b"content-disposition", b'inline; filename="receipt-%s.pdf"' % str(found.id).encode())
        return Reply(200, await receipt_pdf(found, settings), (named, VARY), _PDF.encode())
    return Reply(200, encode(shapes.receipt(found, account.number, buys=caller.buys(found.account))), (VARY,))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("receipt") from None
