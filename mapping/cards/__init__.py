"""What the cards of a CRM show of our records: `[cards.NAME]` compiled and tried."""
