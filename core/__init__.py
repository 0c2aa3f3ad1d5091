"""The ground floor: settings, errors, clock, money, secrets. Imports nothing of ours."""
