"""A second opinion: billing in plain Python, written from the rules alone.

Nothing here imports the server's calendar, pricing or lifecycle, so that the two can only agree by both being right.
Money is in minor units, credits and quantities in whole units as Fractions, moments in UTC.
"""
