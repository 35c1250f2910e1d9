"""What each contract tells of one wallet, held against the native ledger by the rules as they were decided.

The rules are written here once more and differently, in decimals: whole credits are floors, a row is the difference of
two floors, and each contract has its own words for what an entry is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import floor
from typing import Any, Final, NamedTuple

from tallystick.kernel.ids import parse_typeid
from tests.contract.conformance.holding import hold
from tests.contract.served import Api

MOST: Final = 100
PAGE: Final = 20

# (kind, contra of a grant or "") -> igny8, practice, account
WORDS: Final = {
    ("grant", "purchase"): ("purchase", "PURCHASE", "credit"),
    ("grant", "plan"): ("subscription", "GRANT", "credit"),
    ("grant", "promo"): ("grant", "GRANT", "credit"),
    ("debit", ""): ("deduction", "USAGE", "debit"),
    ("capture", ""): ("deduction", "USAGE", "debit"),
    ("expire", ""): ("expiry", "EXPIRY", "adjustment"),
    ("transfer", ""): ("adjustment", "ADJUSTMENT", "adjustment"),
    ("adjust", ""): ("adjustment", "ADJUSTMENT", "adjustment"),
    ("reverse", ""): ("refund", "ADJUSTMENT", "adjustment"),
    ("refund", ""): ("refund", "ADJUSTMENT", "adjustment"),
}
SHOWN: Final = {"api_calls": "API_CALL", "data_scrapes": "DATA_SCRAPE"}
SENT: Final = {"sms": "SMS_USAGE", "voice": "VOICE_USAGE"}


class Row(NamedTuple):
    """A native entry, and what the others must say of it."""

    entry: dict[str, Any]
    igny8: str
    practice: str
    account: str
    whole: int
    """The row in whole credits."""
    after: int
    """The balance in whole credits."""

    @property
    def at(self) -> str:
        """The moment in whole seconds."""
        return str(self.entry["created_at"])[:19] + "Z"

    @property
    def gives_usage(self) -> bool:
        return str(self.entry["contra"]).startswith("usage")


def row_of(entry: dict[str, Any]) -> Row:
    posted, amount = Decimal(entry["posted"]), Decimal(entry["amount"])
    kind = entry["kind"]
    igny8, practice, account = WORDS[kind, entry["contra"] if kind == "grant" else ""]
    if practice == "USAGE":
        practice = SENT.get(entry["operation"], practice)
    return Row(entry, igny8, practice, account, floor(posted) - floor(posted - amount), floor(posted))


@dataclass
class Wallet:
    """One account's default wallet: ``api`` has a key of its tenant, ``user`` a token of its owner."""

    api: Api
    user: Api
    account: str
    code: str = "credits"
    """The tenant's default credit type."""

    @property
    def number(self) -> int:
        return int(self.api.get(f"/v2/accounts/{self.account}").json()["number"])

    def rows(self) -> list[Row]:
        """The native history, the newest first."""
        query = {"limit": MOST, "credit_type": self.code}
        said = self.api.get(f"/v2/accounts/{self.account}/entries", **query).json()["data"]
        assert len(said) < MOST
        return [row_of(one) for one in said]

    def agree(self) -> list[Row]:
        """Ask every contract for the balance and the history: all say the same. Gives the history."""
        rows = self.rows()
        posted, held = self.books()
        assert posted == sum(Decimal(row.entry["amount"]) for row in rows)
        assert sum(row.whole for row in rows) == floor(posted)
        whole = floor(posted - held)
        self.igny8(rows, whole)
        self.practice(rows, whole)
        self.plain(rows, posted, held)
        self.appvector(rows, whole)
        return rows

    def books(self) -> tuple[Decimal, Decimal]:
        """What is posted and what is held, natively."""
        for one in self.api.get(f"/v2/accounts/{self.account}/balance").json()["balances"]:
            if one["credit_type"] == self.code:
                return Decimal(one["posted"]), Decimal(one["held"])
        return Decimal(), Decimal()

    # igny8

    def igny8(self, rows: list[Row], whole: int) -> None:
        said = told(self.user, "/v1/billing/credits/balance/balance/")["data"]
        assert (said["credits"], said["credits_remaining"]) == (whole, whole)
        assert said["credits_used_this_month"] == self.used_this_month(rows)
        assert told(self.user, "/v1/account/settings/")["credit_balance"] == whole
        listed = told(self.user, "/v1/billing/transactions/", page_size=MOST)["data"]
        assert listed["count"] == len(rows)
        assert [without(one, "description") for one in listed["results"]] == [
            {
                "id": row.entry["seq"],
                "amount": row.whole,
                "transaction_type": row.igny8,
                "created_at": row.at,
                "balance_after": row.after,
            }
            for row in rows
        ]
        self.igny8_usage(rows)
        self.igny8_analytics(rows, whole)

    def igny8_usage(self, rows: list[Row]) -> None:
        logged = told(self.user, "/v1/billing/credits/usage/", page_size=MOST)["data"]
        used = [row for row in rows if row.igny8 == "deduction"]
        assert logged["count"] == len(used)
        assert [without(one, "cost_usd") for one in logged["results"]] == [
            {
                "id": row.entry["seq"],
                "operation_type": row.entry["operation"] or "other",
                "credits_used": -row.whole,
                "created_at": row.at,
            }
            for row in used
        ]
        for one, row in zip(logged["results"], used, strict=True):
            reported = (row.entry["metadata"] or {}).get("cost_usd")
            at_price = -Decimal(row.entry["amount"]) / 100
            assert Decimal(one["cost_usd"]) == (at_price if reported is None else Decimal(reported))

    def igny8_analytics(self, rows: list[Row], whole: int) -> None:
        said = told(self.user, "/v1/account/usage/analytics/", days=365)
        used = -sum(row.whole for row in rows if row.igny8 == "deduction")
        bought = sum(row.whole for row in rows if row.igny8 == "purchase")
        assert (said["current_balance"], said["total_usage"], said["total_purchases"]) == (
            whole,
            used,
            bought,
        )
        assert len(said["daily_usage"]) == said["period_days"] == 365
        names = sorted({row.igny8 for row in rows})
        assert said["usage_by_type"] == [
            {
                "transaction_type": name,
                "total": sum(row.whole for row in rows if row.igny8 == name),
                "count": sum(row.igny8 == name for row in rows),
            }
            for name in names
        ]

    def used_this_month(self, rows: list[Row]) -> int:
        """Whole credits used, less what was given back of usage. The account's time zone is UTC."""
        clock = self.api.get("/v2/test-clock")
        now = clock.json()["now"] if clock.status_code == 200 else datetime.now(UTC).isoformat()
        return -sum(row.whole for row in rows if row.gives_usage and row.at.startswith(now[:7]))

    # practice

    def practice(self, rows: list[Row], whole: int) -> None:
        number = self.number
        for asking in (self.api, self.user):
            said = told(asking, "/api/credits/balance/", practice_id=number)
            bought = [row.at for row in rows if row.igny8 == "purchase"]
            assert (said["practice_id"], said["current_balance"]) == (number, whole)
            assert said["last_purchase"] == (bought[0] if bought else None)
        shown: list[dict[str, Any]] = []
        link: str | None = f"/api/credits/transactions/?practice_id={number}"
        while link is not None:
            page = told(self.api, link)
            assert len(page["transactions"]) <= PAGE
            shown += page["transactions"]
            link = page["pagination"]["next"]
        assert [without(one, "package") for one in shown] == [
            {
                "id": str(parse_typeid("entry", row.entry["id"])),
                "type": row.practice,
                "amount": row.whole,
                "timestamp": row.at,
            }
            | (
                {}
                if row.igny8 == "purchase"
                else {"reference": row.entry["reference"] or row.entry["description"] or ""}
            )
            for row in rows
        ]
        assert [("package" in one) for one in shown] == [row.igny8 == "purchase" for row in rows]

    # account

    def plain(self, rows: list[Row], posted: Decimal, held: Decimal) -> None:
        """The account contract, which is exact."""
        said = told(self.user, "/auth/account/credits")
        exact = [Decimal(str(said[name])) for name in ("balance", "reserved", "available")]
        assert exact == [posted, held, posted - held]
        assert told(self.user, "/auth/account/summary")["credit_balance"] == said
        listed = told(self.user, "/auth/account/ledger", limit=MOST)
        assert listed["total"] == len(rows)
        names = ("id", "type", "amount", "balance_after", "created_at", "reference")
        assert [[one[name] for name in names] for one in listed["data"]] == [
            [
                row.entry["seq"],
                row.account,
                float(row.entry["amount"]),
                float(row.entry["posted"]),
                row.at,
                row.entry["reference"] or "",
            ]
            for row in rows
        ]

    # appvector

    def appvector(self, rows: list[Row], whole: int) -> None:
        """What came from where and was used adds up to the balance; usage is listed, whatever else it is called."""
        uuid = str(parse_typeid("acct", self.account))
        for asking in (self.api, self.user):
            said = told(asking, "/api/billing/credits/", workspace_id=uuid)["balances"]
            found = [one for one in said if one["credit_type"] == SHOWN.get(self.code, self.code.upper())]
            assert len(found) == 1 or not rows
            for one in said:
                parts = [one[f"{name}_credits"] for name in ("allocated", "purchased", "bonus")]
                unused = sum(parts) - one["consumed_credits"]
                assert one["available_credits"] <= unused
                if one in found:
                    assert (one["available_credits"], unused) == (whole, rows[0].after if rows else 0)
        listed = told(self.user, "/api/billing/credits/history/", feature_key=self.code, limit=MOST)
        used = [row for row in rows if row.igny8 == "deduction"]
        assert listed["total_count"] == len(used)
        assert [without(one, "feature_name") for one in listed["history"]] == [
            {
                "feature_key": self.code,
                "consumed_amount": -row.whole,
                "operation": (row.entry["metadata"] or {}).get(
                    "operation", row.entry["operation"] or self.code
                ),
                "metadata": without(row.entry["metadata"] or {}, "operation"),
                "timestamp": row.at,
            }
            for row in used
        ]

    # credibill

    def metered(self, subscription: str, rows: list[Row], *, at_once: bool = False) -> None:
        """The events of the subscription are what the ledger's debits refer to, the newest first.

        Those that came ``at_once`` may stand in one commit, where neither is newer: their order is not compared.
        """
        said = told(self.api, "/api/subscriptions", subscriptionId=subscription)["subscription"]
        events = [
            (one.get("eventId") or one["_id"], Decimal(str(one["quantity"]))) for one in said["usageEvents"]
        ]
        named = {name for name, _ in events}
        debits = [
            row.entry
            for row in rows
            if (row.entry["reference"] or "").startswith("usage_") or row.entry["reference"] in named
        ]
        charged = [(one["reference"], Decimal(one["quantity"])) for one in debits]
        if at_once:
            events, charged = sorted(events), sorted(charged)
        assert events == charged


def told(api: Api, path: str, **query: Any) -> Any:
    """A good answer that is as its contract's document says."""
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.text
    return hold(answer)


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
