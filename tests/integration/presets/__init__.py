"""Every preset against a stand-in base of its configuration."""
