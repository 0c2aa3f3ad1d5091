"""No test reads what another has kept: ports come round again, and with them the addresses of stand-ins."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
NOBODY = "127.0.0.1:9/"
"""Where no stand-in ever listens."""


def test_every_world_keeps_metadata_in_a_folder_of_its_own() -> None:
    """The copy of `$metadata` is kept by address; a clock that stands still believes one from any test before."""
    texts = {path.relative_to(TESTS): path.read_text("utf-8") for path in TESTS.rglob("*.py")}
    worlds = {path: text for path, text in texts.items() if "[store]" in text and 'connector = "onec_odata"' in text}
    assert len(worlds) > 5
    assert [path for path, text in worlds.items() if "cache = " not in text and NOBODY not in text] == []
