"""A till without gateways, or with those of a test."""

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments.port import Gateway
from tallystick.domain.payments.till import Till


def till_of(db: Database, *gateways: Gateway) -> Till:
    by_name = {one.name: one for one in gateways}
    return Till(db, Vault(bytes(32)), by_name, rates_in_force, "https://shop.example", {})
