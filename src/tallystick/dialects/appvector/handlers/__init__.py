"""What each operation does: one file for each part of the contract."""
