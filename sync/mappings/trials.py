"""Golden cases put to a mapping before it may rule: those beside its file, and those that are kept in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ConfigError
from mapping.cases.files import PlacedCase
from mapping.cases.trial import Difference, try_case
from mapping.rules import Mapping
from sync.context import App
from sync.mappings.kept_cases import load_kept_cases


@dataclass(frozen=True, slots=True)
class Trial:
    """One golden case and what came out otherwise than it says; nothing did: green. `kept`: it is in the store."""

    placed: PlacedCase
    differences: list[Difference]
    kept: bool = False


def try_cases(app: App, key: str, mapping: Mapping, cases: Sequence[PlacedCase]) -> list[Trial]:
    """Run these cases and those that are kept in the store for a mapping.

    Args:
        app: the application.
        key: the mapping as connections name it.
        mapping: what is tried.
        cases: those that lie beside the file.
    """
    beside = [Trial(placed, try_case(mapping, placed.case)) for placed in cases]
    kept = load_kept_cases(app.engine, key)
    return beside + [Trial(placed, try_case(mapping, placed.case), kept=True) for placed in kept]


def refuse_red(key: str, trials: Sequence[Trial], named: str, following: str = "publish again") -> None:
    """Nothing when all are green.

    Args:
        key: the mapping as connections name it.
        trials: what came out.
        named: the arguments by which `sverka mapping test` tries the very same mapping.
        following: what to do when that is mended.

    Raises:
        ConfigError: some are red: which, in which fields, and the command that mends it.
    """
    red = [trial for trial in trials if trial.differences]
    if not red:
        return
    lines = [
        f"  - {trial.placed.case.title}: "
        + "; ".join(f"{one.field}: {one.expected!r} expected, {one.found!r} found" for one in trial.differences[:5])
        + f" ({'kept in the store' if trial.kept else trial.placed.where})"
        for trial in red[:10]
    ]
    more = f"\n  ... and {len(red) - 10} more" if len(red) > 10 else ""
    text = f"{key} is not published: {len(red)} golden cases are red.\n" + "\n".join(lines) + more + "\n"
    raise ConfigError(text, next_step=_way_out(red, named, following))


def _way_out(red: Sequence[Trial], named: str, following: str) -> str:
    """Mend the mapping, or say that what comes out now is what is meant."""
    test = f"sverka mapping test {named}".rstrip()
    files = [trial.placed.where for trial in red if not trial.kept]
    ways = [f"{test} --accept"] if len(files) < len(red) else []
    if files:
        ways.append(f"mend the mapping or {', '.join(files[:3])}{' and others' if len(files) > 3 else ''}")
        ways.append(test)
    return ", then: ".join([*ways, following])
