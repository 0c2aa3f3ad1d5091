"""The mapping desk."""
