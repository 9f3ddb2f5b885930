"""Entries in, ranked hits out; embeddings; evaluation. Knows no database and no web framework."""
