"""Tables, words and charts for any page. Nothing here knows about a particular experiment."""
