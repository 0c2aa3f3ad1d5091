"""The closed set of cleaners, and what they know of phones, tax numbers and 1C's own texts."""
