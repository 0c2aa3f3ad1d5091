"""How things look and read: templates, texts, amounts, moments, charts, sheets."""
