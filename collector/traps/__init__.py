"""Traps and informs that devices send. Nothing here asks a device; a look goes the poller's way."""
