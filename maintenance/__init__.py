"""The ledger of problems: tickets with an owner and a deadline, verified by readings, and the figures about them."""
