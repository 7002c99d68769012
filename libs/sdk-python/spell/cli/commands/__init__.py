"""One module per command whose names other programs import."""
