"""What CRMs' cards shall show, what of it is due, how it is sent once, and what becomes of it (docs/crm.md)."""
