"""Private PostgreSQL, RabbitMQ and Redis for tests: own ports, own folders, gone at the end.

Every pytest-xdist worker starts its own servers, and only those that its tests ask for: a test may kill one without
hurting others.
"""
