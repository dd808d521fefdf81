"""Models: one protocol (`base`), and the ways to answer it."""
