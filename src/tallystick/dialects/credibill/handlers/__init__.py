"""What each endpoint does: parse, ask the domains, render."""
