"""What each endpoint does: read the request, ask the domains, render."""
