"""The engine: pull, push, match, outbox, dead letters, review, reconcile; runs, slots, leases, cursors."""
