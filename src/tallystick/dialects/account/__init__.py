"""The account contract: what signed-in users see of their account's credits and requests."""
