"""Templates: one environment a language; whatever is shown is escaped, and a name that is not there is an error."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.i18n import tell
from web.show.format import Writer
from web.show.texts import LANGUAGES, translations

if TYPE_CHECKING:
    from web.here import Here

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"


def render(here: Here, template: str, values: dict[str, Any]) -> str:
    """The page as text."""
    write = here.writer
    formats = {"money": write.money, "number": write.number, "day": write.day, "moment": write.moment}
    formats |= {"clock": write.clock, "ago": write.ago, "span": write.span}
    formats |= {"phone_text": write.phone, "phone_link": write.phone_link}
    return _environment(here.language).get_template(template).render(formats | values | {"here": here})


@cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.policies["ext.i18n.trimmed"] = True
    write = Writer(language)
    made.filters["tell"] = lambda said: write.phones_in(tell(said or "", language))
    made.globals |= {"static": static, "languages": LANGUAGES, "hidden_token": hidden_token}
    return made


@cache
def static(name: str) -> str:
    """The address of a file of ours, which changes with its content: browsers may keep it for good."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def hidden_token(here: Here) -> Markup:
    """The field that every form carries."""
    return Markup('<input type="hidden" name="_token" value="{}">').format(here.token)
