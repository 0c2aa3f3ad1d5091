"""The two books compared, every difference explained."""
