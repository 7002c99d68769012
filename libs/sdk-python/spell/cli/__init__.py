"""What other programs take from the former command line's modules; the command itself is no part of this package."""
