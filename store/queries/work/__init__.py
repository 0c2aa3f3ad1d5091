"""How the work stands: freshness, runs, queues, questions, alerts."""
