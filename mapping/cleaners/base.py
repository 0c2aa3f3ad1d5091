"""What every cleaner is: a named step with typed arguments that becomes a function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from mapping.values import Env

Step = Callable[[object, Env], object]


def on_text(work: Callable[[str], object]) -> Step:
    """Runs on texts and on each text of a list; leaves other values alone."""

    def step(value: object, env: Env) -> object:
        if isinstance(value, str):
            return work(value)
        if isinstance(value, list):
            return [work(item) if isinstance(item, str) else item for item in value]
        return value

    return step


class Cleaner(BaseModel, ABC):
    """One step of a chain. `do` is its name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    def doubt(self) -> str:
        """What is wrong with the arguments, which can do nothing on any record; empty where they are right."""
        return ""

    @abstractmethod
    def build(self, set_name: str) -> Step:
        """The step as a function, for records of this set."""
