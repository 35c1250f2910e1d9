"""Google, of whom we ask only whose an access token is."""
