"""`sverka demo --once`: the whole circle on a small company, and it says so."""

from __future__ import annotations

import pytest

from cli.demo.turn import run_demo


def test_the_demo_shows_the_whole_circle(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(once=True, documents=60, seed=1) == 0
    shown, said = capsys.readouterr()
    assert "The stand-in Bitrix24 portal listens at http://127.0.0.1:" in said
    titles = [line for line in shown.splitlines() if line[:2] in {f"{number}." for number in range(1, 10)}]
    assert len(titles) == 9
    assert titles[-1] == "9. Compared with accounting"
    assert "ООО «Второй звонок» in the portal:" in shown
    assert "0 requests that write were sent." in shown
    assert "accounting: 0.00 unexplained" in shown + said
