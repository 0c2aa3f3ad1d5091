"""The first run of a CRM without twins: whose card is whose, shown first, agreed to, then bound."""
