"""What the contract's document prints of the stores' apps, to the letter."""

from typing import Any, Final

MESSAGING: Final[list[dict[str, Any]]] = [
    {
        "title": "Google Messages",
        "appId": "com.google.android.apps.messaging",
        "url": "https://play.google.com/store/apps/details?id=com.google.android.apps.messaging",
        "icon": "https://play-lh.googleusercontent.com/...",
        "developer": "Google LLC",
        "price": 0,
        "free": True,
        "summary": "Google Messages is the official Google app for messaging...",
        "score": 4.57,
        "installs": "5,000,000,000+",
    },
    {
        "title": "Messenger",
        "appId": "com.facebook.orca",
        "url": "https://play.google.com/store/apps/details?id=com.facebook.orca",
        "developer": "Meta Platforms, Inc.",
        "price": 0,
        "free": True,
        "summary": "Messenger is a free messaging app...",
        "score": 4.70,
        "installs": "5,000,000,000+",
    },
]
"""Of a search for ``messaging``."""

MESSAGING_APPLE: Final[list[dict[str, Any]]] = [
    {
        "id": 310633997,
        "appId": "net.whatsapp.WhatsApp",
        "title": "WhatsApp Messenger",
        "url": "https://apps.apple.com/us/app/whatsapp-messenger/id310633997",
        "developer": "WhatsApp Inc.",
        "primaryGenre": "Social Networking",
        "score": 4.69,
        "reviews": 16707847,
        "price": 0,
        "free": True,
        "version": "25.30.73",
        "requiredOsVersion": "15.1",
    },
    {
        "id": 874139669,
        "appId": "org.whispersystems.signal",
        "title": "Signal - Private Messenger",
        "url": "https://apps.apple.com/us/app/signal-private-messenger/id874139669",
        "developer": "Signal Messenger, LLC",
        "primaryGenre": "Social Networking",
        "score": 4.75,
        "reviews": 958541,
        "price": 0,
        "free": True,
        "version": "7.82",
        "requiredOsVersion": "15.0",
    },
]
"""Of the same at Apple's."""

WHATSAPP: Final[dict[str, Any]] = {
    "title": "WhatsApp Messenger",
    "score": 4.39,
    "ratings": 212040976,
    "installs": "10,000,000,000+",
    "developer": "WhatsApp LLC",
    "genre": "Communication",
    "price": 0,
    "free": True,
    "version": "2.25.2.75",
    "androidVersion": "VARY",
}
WHATSAPP_APPLE: Final[dict[str, Any]] = {
    "title": "WhatsApp Messenger",
    "appId": "net.whatsapp.WhatsApp",
    "score": 4.63,
    "ratings": 7203977,
    "developer": "WhatsApp Inc.",
    "primaryGenre": "Social Networking",
    "price": 0,
    "free": True,
    "version": "25.30.73",
}
