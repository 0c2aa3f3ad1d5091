"""The ops room: what runs, what it did, whether the books agree, who did what."""
