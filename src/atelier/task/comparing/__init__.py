"""What stored runs say beside one another: read without trust, as a table, a text and a page."""
