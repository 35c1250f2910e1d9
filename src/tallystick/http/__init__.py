"""What dialects share of HTTP. Knows no domain: requests, replies, problems, pages, statistics."""
