"""A mapping's version is known by the same hash in the store and in the mapping itself."""

from mapping.hashing import hash_text
from store.versions import text_hash


def test_the_store_hashes_a_mapping_as_the_mapping_does() -> None:
    assert text_hash("имя = 1\n") == hash_text("имя = 1\n")
    assert text_hash("a") != text_hash("a\n")
