"""Customers: the list, the card, the call, the statement."""
