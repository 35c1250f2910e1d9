"""What others are told of reminders. Pure."""

from datetime import datetime

from tallystick.domain.events.model import Event
from tallystick.domain.invoicing.events import invoice_data
from tallystick.domain.invoicing.model import Invoice


def reminded(row: Invoice, day: int, at: datetime) -> Event:
    """``days_overdue`` is negative before the invoice is due."""
    return Event("invoice.reminded", at, {**invoice_data(row), "days_overdue": day}, row.account)
