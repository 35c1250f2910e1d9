"""The practice-credits contract: packages, purchases, balance and history of a practice's credits."""
