"""Which addresses the world may be reached at: those that everybody reaches alike. Pure.

A receiver's name is a stranger's to choose, so what it resolves to may be this machine or its neighbours.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# what older versions of the standard library take for global
_SPECIAL4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_SPECIAL6: Final = IPv6Network("3fff::/20")


def is_public(address: str) -> bool:
    """Whether an address in its usual form is one of the public internet.

    Private, loopback, link-local, shared, multicast, reserved and documentation addresses are not, nor are the IPv6
    forms that lead to an IPv4 address which is not (mapped, NAT64, 6to4). False for what is no address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_public4(found) if isinstance(found, IPv4Address) else _is_public6(found)


def _is_public4(address: IPv4Address) -> bool:
    if any(address in network for network in _SPECIAL4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_public6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        return _is_public4(inner)
    # Teredo is refused with its 2001::/23, and whatever is no global unicast: local NAT64, IPv4-compatible, site-local
    if address in _LOCAL_NAT64 or address in _SPECIAL6 or address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
