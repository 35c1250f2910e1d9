"""What others are told of the ledger. Pure. Credits are decimal strings, ids are TypeIDs."""

from collections.abc import Iterable
from typing import Any

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import Kind, inner_uuid, typeid

from .model import Account, Entry, Grant, Hold


def happened(accounts: Iterable[Account]) -> list[tuple[int, Event]]:
    """What is told of changed books, with each account's tenant; of one account in the order of the facts."""
    return [
        (account.head.tenant, event)
        for account in accounts
        # what is due ends before anything else of the same moment
        for event in sorted([*_expired(account), *_granted(account)], key=lambda event: event.at)
    ]


def _granted(account: Account) -> list[Event]:
    return [
        Event(
            "credits.granted",
            entry.effective_at,
            _grant_data(account, entry, account.grants[entry.seq]),
            entry.account,
        )
        for entry in account.posted
        if entry.kind == "grant"
    ]


def _expired(account: Account) -> list[Event]:
    return [
        Event("credits.hold_expired", hold.ended_at, _hold_data(account, hold), account.head.account)
        for hold in account.holds.values()
        if hold.changed and hold.state == "expired" and hold.ended_at is not None
    ]


def _grant_data(account: Account, entry: Entry, grant: Grant) -> dict[str, Any]:
    return {
        "id": _inner("grant", entry.account, Kind.GRANT, grant.id),
        "account": typeid("acct", account.head.uuid),
        "credit_type": grant.credit_type,
        "amount": format_credits(grant.amount),
        "source": grant.source,
        "expires_at": None if grant.expires_at is None else iso(grant.expires_at),
        "balance": format_credits(entry.posted_after),
        "available": format_credits(entry.available_after),
        "entry": _inner("entry", entry.account, Kind.ENTRY, entry.seq),
        "reference": entry.reference,
        "description": entry.description,
    }


def _hold_data(account: Account, hold: Hold) -> dict[str, Any]:
    wallet = account.wallets[hold.credit_type]
    return {
        "id": _inner("hold", account.head.account, Kind.HOLD, hold.id),
        "account": typeid("acct", account.head.uuid),
        "credit_type": hold.credit_type,
        "amount": format_credits(hold.amount),
        "captured": format_credits(hold.captured),
        "released": format_credits(hold.released),
        "expires_at": iso(hold.expires_at),
        "balance": format_credits(wallet.posted),
        "available": format_credits(wallet.available),
        "reference": hold.reference,
        "description": hold.description,
    }


def _inner(prefix: str, account: int, kind: Kind, number: int) -> str:
    return typeid(prefix, inner_uuid(account, kind, number))
