"""Buying credits automatically, and alerts of low balances."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import handlers, shapes

_T: Final = "Reloads"
_WALLET: Final = "/v2/accounts/{account}/auto-reload/{credit_type}"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/accounts/{account}/auto-reload", handlers.list_auto_reloads, 200, shapes.AutoReload, _T,
         listed=True),
    Cold("GET", _WALLET, handlers.read_auto_reload, 200, shapes.AutoReload, _T),
    Cold("PUT", _WALLET, handlers.put_auto_reload, 200, shapes.AutoReload, _T),
    Cold("DELETE", _WALLET, handlers.delete_auto_reload, 200, shapes.DeletedAutoReload, _T),
    Cold("GET", "/v2/accounts/{account}/alerts", handlers.list_alerts, 200, shapes.Alert, _T, listed=True),
    Cold("POST", "/v2/accounts/{account}/alerts", handlers.create_alert, 201, shapes.Alert, _T),
    Cold("DELETE", "/v2/accounts/{account}/alerts/{alert}", handlers.delete_alert, 200, shapes.DeletedAlert, _T),
]
# fmt: on
