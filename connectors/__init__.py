"""Outside systems: one folder a system. Connectors read, write and classify errors; they decide nothing."""
