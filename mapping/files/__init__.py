"""Rule files as text: read within limits, every value with its place, every mistake told with it."""
