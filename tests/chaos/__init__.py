"""The engine under fire: real processes, real servers, real faults, and a judge. `python -m tests.chaos --help`."""
