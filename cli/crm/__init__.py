"""Commands that speak of a company's CRM: set it up, link its cards, its deals, its activities."""
