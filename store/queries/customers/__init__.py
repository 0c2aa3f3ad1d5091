"""Customers as people look for them and look at them, each with the rights of the one who looks."""
