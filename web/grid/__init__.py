"""The grid of the mapping desk: the rules of a draft field by field, beside what the base has and what comes of it."""
