"""A rule file changed by other hands than an editor's: one rule at a time, everything else stays as it is written."""
