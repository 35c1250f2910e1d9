"""Which addresses webhooks may go to."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.webhooks.addresses import is_public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1.1.1.1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:1::1",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "3fff::1",
        "5f00::1",
        "",
        "example.com",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_ipv6_forms_are_as_public_as_what_they_lead_to(inner: IPv4Address) -> None:
    public = is_public(str(inner))
    assert is_public(str(IPv6Address(0xFFFF << 32 | int(inner)))) == public
    assert is_public(str(IPv6Address(0x64FF9B << 96 | int(inner)))) == public
    assert is_public(str(IPv6Address(0x2002 << 112 | int(inner) << 80 | 1))) == public
    if public:
        assert inner.is_global
        assert not inner.is_multicast


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    is_public(text)
