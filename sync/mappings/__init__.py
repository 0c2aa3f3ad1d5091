"""Mapping versions at work: tried on what is here already, published, carried over to the records, taken back."""
