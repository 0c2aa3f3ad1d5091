"""Deals, orders and activities, asked for in bulk."""
