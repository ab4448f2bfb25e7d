"""This library compared with its installed peers, for a page of the documentation."""
