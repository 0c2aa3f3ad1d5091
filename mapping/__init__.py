"""What a field of one system is in another: canonical entities, rules, presets. Imports only core."""
