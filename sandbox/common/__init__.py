"""What every stand-in needs: serving on loopback, and spoiling answers by script."""
