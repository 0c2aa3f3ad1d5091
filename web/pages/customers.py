"""Customers, as a manager sees them: the list with search, filters and sorting, its export, a new contact.

The card of one customer is in `card.py`, what happens when the phone rings in `call.py`, the statement of settlements in
`statement.py`. Everything that is read here comes from `store/queries/customers*.py` and has the reader's rights in the
query.
"""
