"""One file a step; the file name starts with its revision."""
