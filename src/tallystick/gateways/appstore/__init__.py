"""Apple's App Store, by its documented search and lookup."""
