"""Home and the pages that say what the library is and how it treats its readers."""
