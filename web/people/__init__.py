"""Who may log in, and how: users, passwords, sessions, tokens of the API, attempts that are one too many."""
