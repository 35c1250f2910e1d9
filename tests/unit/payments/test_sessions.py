"""What a checkout is called in the address that a customer goes back to, and links to invoices."""

from uuid import UUID

import pytest

from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments.links import invoice_url, is_invoice_token
from tallystick.domain.payments.sessions import filled, session_id

ID = UUID("0198f2f4-6a3b-7c41-9d5e-2f8a1b7c3d90")
NAMED = "01k3sf8thvfh0stqhfh8dqrfcg"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/?s={CHECKOUT_SESSION_ID}", "https://a.example/?s=cs_1"),
        ("https://a.example/?s=%7BCHECKOUT_SESSION_ID%7D", "https://a.example/?s=cs_1"),
        ("https://a.example/{CHECKOUT_SESSION_ID}/{CHECKOUT_SESSION_ID}", "https://a.example/cs_1/cs_1"),
        ("https://a.example/", "https://a.example/"),
        ("", ""),
    ],
)
def test_the_id_is_filled_in(address: str, expected: str) -> None:
    assert filled(address, "cs_1") == expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("cs_test_a1B2", "cs_test_a1B2"),
        ("sandbox_checkout_" + NAMED, "cs_" + NAMED),
        ("csx_1", "cs_" + NAMED),
        (None, "cs_" + NAMED),
    ],
)
def test_a_session_is_the_gateways_or_ours(ref: str | None, expected: str) -> None:
    assert session_id(ID, ref, "cs") == expected


def test_a_link_is_good_for_its_invoice_on_its_server_alone() -> None:
    vault, other = Vault(b"k" * 32), Vault(b"o" * 32)
    address = invoice_url(vault, "https://billing.example", ID)
    start, named, token = address.rsplit("/", 2)
    assert (start, named) == ("https://billing.example/pay/invoice", "inv_" + NAMED)
    assert is_invoice_token(vault, named, token)
    assert not is_invoice_token(other, named, token)
    assert not is_invoice_token(vault, named[:-1] + "h", token)
    assert not is_invoice_token(vault, named, vault.token("checkout", named))
