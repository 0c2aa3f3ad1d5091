"""Adding and changing connections from afar: forms from a kind's own model, drafts in memory, saving."""
