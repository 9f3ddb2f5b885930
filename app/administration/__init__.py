"""Pages for those who run the library: how well it finds."""
