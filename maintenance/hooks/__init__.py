"""Signed webhooks: other systems hear of every change they asked for, in a ticket's order, until they have it."""
