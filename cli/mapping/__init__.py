"""The `sverka mapping` commands: check, try, publish, take back, golden cases."""
