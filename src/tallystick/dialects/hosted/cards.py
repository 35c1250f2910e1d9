"""What a gateway must do for its pages to be ours."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

from tallystick.domain.payments.port import Seen, Site


class Card(Protocol):
    """A card that the customer may choose."""

    @property
    def last4(self) -> str: ...
    @property
    def brand(self) -> str: ...
    @property
    def title(self) -> str: ...


class Page(Protocol):
    """A page as its gateway has it; ``status`` is open, step, completed or expired."""

    @property
    def status(self) -> str: ...
    @property
    def card(self) -> str | None: ...
    @property
    def keep_card(self) -> bool: ...
    @property
    def failure_message(self) -> str | None: ...


@runtime_checkable
class Cards(Protocol):
    """A gateway whose customers choose a card on our pages: the sandbox."""

    @property
    def cards(self) -> Sequence[Card]: ...

    async def page(self, site: Site, checkout: UUID) -> Page: ...

    async def pay(self, site: Site, checkout: UUID, last4: str, keep: bool) -> Sequence[Seen]: ...

    async def answer(self, site: Site, checkout: UUID, approve: bool) -> Sequence[Seen]: ...

    async def confirm(self, site: Site, payment: UUID, approve: bool) -> Sequence[Seen]: ...
