"""What is known of apps in the app stores, and what was searched for there."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import handlers, shapes

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/app-stores/apps", handlers.list_apps, 200, shapes.StoreApp, "App stores", listed=True),
    Cold("GET", "/v2/app-stores/keywords", handlers.list_keywords, 200, shapes.StoreKeyword, "App stores", listed=True),
]
# fmt: on
