"""The `sverka` command: thin commands that call the rooms and print. Names no connector."""
