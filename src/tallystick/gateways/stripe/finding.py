"""Finding at Stripe what was made for a row of ours, when nobody heard the answer."""

from typing import Final
from uuid import UUID

import stripe

from . import seeing

_SKEW: Final = 300
"""Seconds by which our clock and Stripe's may differ."""


async def payment_intent(client: stripe.StripeClient, payment: UUID) -> str | None:
    """The id of the PaymentIntent that is ours. Stripe's search may be a minute behind; by then the key still holds."""
    mark = seeing.marks(payment=payment)
    query = " AND ".join(f"metadata['{name}']:'{text}'" for name, text in mark.items())
    try:
        found = await client.v1.payment_intents.search_async({"query": query, "limit": 1})
        return found.data[0].id if found.data else None
    except stripe.InvalidRequestError:  # some countries have no search
        made = await client.v1.payment_intents.list_async({"created": {"gte": since(payment)}, "limit": 100})
        async for one in made.auto_paging_iter():
            if mark.items() <= one.to_dict().get("metadata", {}).items():
                return one.id
        return None


def since(id: UUID) -> int:
    """When our row was made, which its id tells, in seconds: before that nothing was asked of Stripe."""
    return (id.int >> 80) // 1000 - _SKEW
