"""What everything rests on, and knows nothing of the papers."""
