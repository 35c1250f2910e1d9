from tests.db.subscriptions.conftest import shop

__all__ = ["shop"]
