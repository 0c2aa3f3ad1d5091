"""Who owes what, what moved it, and whether accounting says the same."""
