"""Pages and JSON API for managers, heads, admins and ops: everything that a browser or a telephone exchange asks."""
