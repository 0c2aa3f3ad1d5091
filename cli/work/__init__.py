"""Commands for what waits for a person: dead letters, reviews, reconciliations, alerts."""
