"""A library in one file, and back: rows, files, vectors and a manifest that answers for them.

`archive` knows the file, `manifest` what it says of itself, `tables` rows of either database;
`making`, `checking` and `restoring` are what is done with them (docs/decisions/0017).
"""
