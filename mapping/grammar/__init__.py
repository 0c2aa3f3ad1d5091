"""What may stand in a rule file: its grammar as models, part by part."""
