"""A question becomes a page of hits."""
