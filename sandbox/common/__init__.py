"""What every stand-in needs: serving on loopback, the ASGI shell, spoiling answers by script, the admin side."""
