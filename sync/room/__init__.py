"""The machine room: leases, slots, runs, breaker, dispatch; how work is claimed and never done twice."""
