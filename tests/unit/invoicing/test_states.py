"""Every move of an invoice, legal or not."""

import pytest

from tallystick.domain.invoicing.model import MOVES, check_move
from tallystick.kernel.errors import Conflict

LEGAL = {
    ("draft", "open"),
    ("draft", "void"),
    ("open", "paid"),
    ("open", "void"),
    ("open", "uncollectible"),
    ("uncollectible", "paid"),
    ("uncollectible", "void"),
}


@pytest.mark.parametrize("status", MOVES)
@pytest.mark.parametrize("to", MOVES)
def test_moves(status: str, to: str) -> None:
    if (status, to) in LEGAL:
        check_move(status, to)
        return
    with pytest.raises(Conflict) as refused:
        check_move(status, to)
    assert (refused.value.code, refused.value.details) == ("invoice_state", {"state": status})
