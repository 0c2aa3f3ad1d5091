"""Stand-ins of 1C and of each CRM: real HTTP servers on loopback, for tests and for the demo."""
