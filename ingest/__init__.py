"""Bytes in, pages and passages out. Knows no database, no web framework, no index and no model."""
