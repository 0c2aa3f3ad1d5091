"""Out of the store into accounting: contacts, matching, intents, sending, review."""
