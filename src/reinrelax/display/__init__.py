"""Tables, words and charts of any page; no experiment is known here."""
