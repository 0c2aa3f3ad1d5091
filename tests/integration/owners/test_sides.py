"""Of several accountings the first one configured leads, whether or not its mapping can be read just now."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from sync.owners.sides import Bound, leads, load_sides
from sync.versions import load_ruling
from tests.integration.sync_push.world import World


def test_who_leads_does_not_change_hands_with_a_mapping_that_cannot_be_read(world: World) -> None:
    second = world.settings
    first = second.model_copy(update={"name": "first", "mapping": "there-is-no-such-file.toml"})
    connections = {"first": first, "accounting": second}
    world.app.settings = world.app.settings.model_copy(update={"connections": connections})
    with pytest.raises(ConfigError):
        load_ruling(world.app, first, publish=False)
    sides = load_sides(world.app)
    cards: list[Bound] = [{"connection": "first"}, {"connection": "accounting"}]
    assert not leads(sides["accounting"], sides, cards)
    assert leads(sides["first"], sides, cards)
    assert leads(sides["accounting"], sides, cards[1:])
