"""Who works with Lightline: users, their sessions and tokens, what they did."""
