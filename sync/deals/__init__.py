"""Orders and deals: which order belongs to which deal, and deals that payments and shipments move on."""
