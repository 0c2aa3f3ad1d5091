"""Setting up, and looking before switching on: connect, doctor, audit."""
