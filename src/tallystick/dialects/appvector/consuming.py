"""Using a feature, for both operations that do: what it says is read, done once, and each shows it in its own shape.

It is on the hot path: a body in the plain form that nearly all have is read at once, any other by the framework's
fields, which know every form and say what is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tallystick.domain.catalog.named import Named
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.model import check_text
from tallystick.domain.subscriptions import entitlements
from tallystick.domain.subscriptions.buckets import Bucket
from tallystick.domain.subscriptions.features import Used
from tallystick.domain.subscriptions.spending import spend
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, Dict, Field, Integer, read
from tallystick.http.drf.validation import ValidationFailed
from tallystick.http.idempotency import check_key
from tallystick.http.strict import check_metadata
from tallystick.kernel.actor import Role
from tallystick.kernel.credits import MAX_AMOUNT, MICRO
from tallystick.kernel.errors import Invalid, LimitReached

from .desk import Desk, body, must_be
from .errors import NotConsumable
from .naming import feature_named

MOST: Final = MAX_AMOUNT // MICRO
"""Credits, or units, of one request."""
_FIELDS: Final[Mapping[str, Field]] = {
    "feature_key": Char(max_length=255),
    "amount": Integer(min_value=1, max_value=MOST),
    "metadata": Dict(required=False, null=True),
}
_PROJECT: Final = "project_id"
_PER_PROJECT: Final = "_per_project"


class _Plain(msgspec.Struct):
    """A body as nearly all have it."""

    feature_key: str
    amount: int
    workspace_id: str | int | None = None
    metadata: dict[str, Any] | None = None


_plain: Final = msgspec.json.Decoder(_Plain).decode


@dataclass(frozen=True, slots=True)
class Consumed:
    """What was used: ``remaining`` None where there is no limit. ``allocated`` and ``consumed`` are of the period for
    credits; of a limit they are the limit and the units used."""

    feature: Named
    amount: int
    remaining: int | None
    allocated: int | None
    consumed: int
    replayed: bool


async def consume(desk: Desk, ask: Ask) -> Consumed:
    """Use a feature: credits by a debit, units of a limit under the account's lock. Once for the request's key.

    Raises what `Desk.asker`, `spend` and `entitlements.consume` do, ValidationFailed, Refused, and NotConsumable.
    """
    who, said = await _asked(desk, ask)
    key = check_key(ask.key)
    feature = await feature_named(desk, who, said.feature_key)
    if feature.type == "BOOLEAN":
        raise NotConsumable(feature.key)
    if feature.type == "HARD_LIMIT":
        return await _units(desk, who, feature, said, key)
    system, credit_type = desk.system, feature.credit_type
    assert credit_type is not None, "a CREDIT_BASED feature names its credit type"
    answer = await spend(
        system.db, system.lanes, system.buckets.standings, who.tenant, who.account, feature=feature.key,
        credit_type=credit_type, amount=said.amount * MICRO, by=who.actor.name, op_key=key, metadata=said.metadata,
    )  # fmt: skip
    assert answer.entry is not None
    bucket = await system.buckets.after(who.tenant, who.account, answer.entry)
    return _of_credits(feature, said.amount, bucket, answer.replayed)


def _of_credits(feature: Named, amount: int, bucket: Bucket, replayed: bool) -> Consumed:
    return Consumed(feature, amount, bucket.available, bucket.allocated, bucket.consumed, replayed)


async def _units(desk: Desk, who: Asker, feature: Named, said: _Plain, key: str | None) -> Consumed:
    scope = scope_of(feature, said.metadata)
    async with desk.system.db.tx() as tx:
        done = await entitlements.consume(
            tx, who.tenant, who.account, feature.key, said.amount * MICRO, by=who.actor.name, scope=scope,
            op_key=key, metadata=said.metadata,
        )  # fmt: skip
    if isinstance(done, LimitReached):
        raise done  # after the commit: a decline is kept under its key
    return _of_limit(feature, said.amount, done)


def _of_limit(feature: Named, amount: int, done: Used) -> Consumed:
    return Consumed(feature, amount, done.available, done.limit, done.used or 0, done.replayed)


def scope_of(feature: Named, metadata: Mapping[str, Any] | None) -> str:
    """What a limit is counted by: of one per project a project's id, else '' for the workspace as a whole.

    Raises ValidationFailed.
    """
    found = metadata.get(_PROJECT) if metadata and feature.key.endswith(_PER_PROJECT) else None
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValidationFailed({"metadata": [f"{_PROJECT} must be a string or an integer."]})
    try:
        return check_text(_PROJECT, str(found), entitlements.MAX_SCOPE)
    except Invalid as fact:
        raise ValidationFailed({"metadata": [f"{fact.message}."]}) from None


async def _asked(desk: Desk, ask: Ask) -> tuple[Asker, _Plain]:
    """Who asks, and what for. Raises as `Desk.asker` does, Forbidden, ValidationFailed, Refused."""
    actor = await desk.actor(ask)
    plain = _quickly(ask)
    if plain is not None:
        who = await desk.of(actor, ask, plain.workspace_id)
        must_be(who, Role.MEMBER)
    else:
        given = body(ask)
        who = await desk.of(actor, ask, given.get("workspace_id") if isinstance(given, Mapping) else None)
        must_be(who, Role.MEMBER)
        plain = _Plain(**read(_FIELDS, given))
    _check(plain.metadata)
    return who, plain


def _quickly(ask: Ask) -> _Plain | None:
    """The body, where it is in plain form and nothing is wrong with it."""
    if ask.content_type != "application/json" or b"\\u" in ask.body:
        return None
    try:
        plain = _plain(ask.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    key = plain.feature_key
    fine = 0 < plain.amount <= MOST and key.isprintable() and 0 < len(key) <= 255 and key == key.strip()
    return plain if fine else None


def _check(metadata: Mapping[str, Any] | None) -> None:
    if metadata:
        try:
            check_metadata(metadata)
        except ValueError as error:
            raise ValidationFailed({"metadata": [f"It {error}."]}) from None
