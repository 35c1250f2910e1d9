"""The ledger's commands, and the balance: on the hot path, straight from the server.

A docstring's first line is the endpoint's summary in the OpenAPI document, the rest its description.
"""

from typing import Any, Final

import msgspec
from msgspec import DecodeError

from tallystick.dialects.native import commands as kinds
from tallystick.dialects.native import errors, shapes
from tallystick.dialects.native.auth import may_read, must_write
from tallystick.dialects.native.commands import Kind
from tallystick.dialects.native.names import parse_account
from tallystick.dialects.native.native import Native
from tallystick.domain.ledger.commands import Order, order
from tallystick.http.hot import Reply, Request
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Invalid, NotFound, Renamed

_encode: Final = msgspec.json.Encoder().encode
_DECODERS: Final = {kind.name: msgspec.json.Decoder(kind.body) for kind in kinds.KINDS.values()}


async def create_grant(native: Native, request: Request) -> Reply:
    """Give credits to an account.

    What is owed is repaid first. Credits are burned by priority, then earliest expiry, then age.
    """
    return await _do(native, request, kinds.GRANT)


async def create_debit(native: Native, request: Request) -> Reply:
    """Spend credits of an account now.

    Says 402 with ``needed`` and ``available`` when there are too few, and then nothing is spent.
    """
    return await _do(native, request, kinds.DEBIT)


async def create_hold(native: Native, request: Request) -> Reply:
    """Set credits aside for work under way."""
    return await _do(native, request, kinds.HOLD)


async def capture_hold(native: Native, request: Request) -> Reply:
    """Spend from a hold.

    In parts, or all; ``final`` releases what is left. Refused once the hold has expired.
    """
    return await _do(native, request, kinds.CAPTURE)


async def extend_hold(native: Native, request: Request) -> Reply:
    """Add credits to a hold, or let it end ``expires_in`` seconds from now, if that is later."""
    return await _do(native, request, kinds.EXTEND)


async def report_hold(native: Native, request: Request) -> Reply:
    """Note how much of a hold is used so far.

    Captured when the hold expires, if its ``on_expiry`` is ``capture_reported``.
    """
    return await _do(native, request, kinds.REPORT)


async def release_hold(native: Native, request: Request) -> Reply:
    """Give back what a hold still has."""
    return await _do(native, request, kinds.RELEASE)


async def reverse_entry(native: Native, request: Request) -> Reply:
    """Undo a debit, a capture, or a grant's unspent part.

    The credits return to the grants they came from.
    """
    return await _do(native, request, kinds.REVERSE)


async def refund_grant(native: Native, request: Request) -> Reply:
    """Take back credits whose price is refunded."""
    return await _do(native, request, kinds.REFUND)


async def create_transfer(native: Native, request: Request) -> Reply:
    """Move credits to another account.

    Each lot keeps its priority, its expiry and its share of the price. The key's scope is the giver.
    """
    return await _do(native, request, kinds.TRANSFER)


async def create_adjustment(native: Native, request: Request) -> Reply:
    """Correct a balance by hand, with a reason."""
    return await _do(native, request, kinds.ADJUST)


async def set_overdraft(native: Native, request: Request) -> Reply:
    """Allow a wallet to go below zero."""
    return await _do(native, request, kinds.SET_OVERDRAFT)


async def read_balance(native: Native, request: Request) -> Reply:
    """Read an account's wallets.

    What is due is ended, and what is written is seen: never a stale figure.
    """
    credentials = native.system.credentials
    actor = credentials.cached(request.authorization) or await credentials.actor(request.authorization)
    name = request.params[0]
    account = await native.caller(actor.tenant).meant(name)
    may_read(actor, account)
    found = await native.system.balances.balances(actor.tenant, account)
    if found.head.uuid != (parse_account(name) or found.head.uuid):
        raise NotFound("account")
    if name.startswith("ext:") and found.head.external_id != name[4:]:
        native.accounts.forget_external()
        return await read_balance(native, request)
    request.counted = (account,)
    return Reply(200, _encode(shapes.balances(found)))


async def _order(native: Native, actor: Actor, kind: Kind, body: Any, target: str, key: str | None) -> Order:
    command = await kind.build(native.caller(actor.tenant), body, target)
    names, said = kinds.names_of(kind, body, target, command), kinds.said_of(body, command)
    return order(command, tenant=actor.tenant, actor=actor.name, key=key, names=names, said=said)


async def _do(native: Native, request: Request, kind: Kind) -> Reply:
    """One command from its request to its answer."""
    credentials = native.system.credentials
    actor = credentials.cached(request.authorization) or await credentials.actor(request.authorization)
    must_write(actor)
    key = check_key(request.idempotency_key)
    raw = request.body or b"{}"
    try:
        body = _DECODERS[kind.name].decode(raw)
        target = request.params[0] if request.params else ""
        asked = await _order(native, actor, kind, body, target, key)
        request.counted = (asked.command.account,)
        try:
            answer = await native.system.lanes.submit(asked)
        except Renamed:
            native.accounts.forget_external()
            asked = await _order(native, actor, kind, body, target, key)
            answer = await native.system.lanes.submit(asked)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return errors.explain(raw, kind.form)
    except Invalid as fact:
        return errors.explain(raw, kind.form, fact)
    except NotFound:
        request.counted = ()
        # one word for an id that is nobody's and for one that is another tenant's
        raise NotFound(kind.what) from None
    return Reply(kind.status, _encode(kind.view(answer)), headers_of(answer.replayed))
