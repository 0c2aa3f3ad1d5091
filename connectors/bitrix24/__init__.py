"""Bitrix24 by its REST: companies, contacts, deals, smart processes; facts in reference/bitrix24.md."""
