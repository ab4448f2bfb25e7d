"""Tables, figures and the page. They draw what experiments computed and claims judged, and do neither."""
