"""Query parameters of lists. One that is not known is refused, as a field of a body is."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tallystick.domain.ledger.commands import Source
from tallystick.domain.ledger.views import Span
from tallystick.http.paging import DEFAULT, Limit
from tallystick.kernel.page import Page, decode_cursor

from .forms import CreditType, Key, Moment

T = TypeVar("T")


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Listed(Query):
    limit: Limit = DEFAULT
    cursor: Key | None = Field(None, description="The `next_cursor` of the page before.")

    @property
    def after(self) -> int | None:
        """The key to go on from. Raises Invalid."""
        return decode_cursor(self.cursor)

    def slice_of(self, rows: Sequence[T]) -> Page[T]:
        """A page of a list that is short enough to be read whole; the key is a place in it."""
        start = self.after or 0
        end = start + self.limit
        return Page(rows[start:end], end if end < len(rows) else None)


class AccountsQuery(Listed):
    external_id: Key | None = None
    email: Key | None = None
    status: Literal["active", "inactive", "blocked", "closed"] | None = None


class _Spanned(Listed):
    credit_type: CreditType | None = None
    start: Moment | None = Field(None, alias="from", description="At or after this moment.")
    end: Moment | None = Field(None, alias="to", description="Before this moment.")

    def span_of(self, kind: str | None) -> Span:
        return Span(self.start, self.end, self.credit_type, kind)


class EntriesQuery(_Spanned):
    kind: Literal["grant", "debit", "capture", "expire", "reverse", "refund", "transfer", "adjust"] | None = (
        None
    )


class GrantsQuery(_Spanned):
    kind: Source | None = Field(None, description="The grants' source.")


class HoldsQuery(_Spanned):
    kind: Literal["active", "captured", "released", "expired"] | None = Field(
        None, description="The holds' state."
    )


class RateCardQuery(Query):
    version: Annotated[str, Field(pattern="^[0-9]{1,9}$")] | None = None
    at: Moment | None = Field(None, description="The card in force at this moment.")
