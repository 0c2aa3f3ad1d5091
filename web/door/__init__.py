"""Who asks, what he may, and what he is answered when he may not or it went wrong."""
