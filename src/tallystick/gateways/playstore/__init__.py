"""Google Play: its search pages and the pages of apps."""
