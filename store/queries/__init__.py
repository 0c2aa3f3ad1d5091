"""Pure reads that pages and commands share. None of them writes, and each asks a bounded number of questions."""
