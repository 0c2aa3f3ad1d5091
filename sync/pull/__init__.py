"""Out of an outside system into the store: first load, sweep, change feed, apply, references, dead letters."""
