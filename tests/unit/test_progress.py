"""Progress where no terminal is: a line now and then, and the last one of each entity is its total."""

import pytest

from cli.progress import PlainProgress
from core.clock import ManualClock


def test_the_last_line_of_an_entity_is_its_total(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    progress = PlainProgress(clock)
    progress.step("shipment", 0)
    for done in range(1, 36):
        progress.step("shipment", done)
        progress.step("product", 2 * done)
    assert capsys.readouterr().err == "", "not a line a step"
    clock.sleep(5)
    progress.step("payment", 0, "read; 120 keys of Document_X compared")
    progress.finish()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "payment: 0 read; 120 keys of Document_X compared"
    assert lines[1:] == ["shipment: 35", "product: 70"]
    progress.finish()
    assert capsys.readouterr().err == ""
