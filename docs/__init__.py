"""The documentation: its pages, and the site that is made of them."""
