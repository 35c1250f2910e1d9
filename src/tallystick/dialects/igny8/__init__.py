"""The IGNY8 contract: what a product's own pages show of billing and of the account."""
