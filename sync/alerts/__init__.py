"""Telling people: what is wrong, once a cause, by e-mail and webhook, and that it is over."""
