"""The rules of one field as a form holds them: every part a text, changed by the form's buttons, put together again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping.editing.steps import STEP_ARGS, step_of, typed_of

ORIGINS = ("from", "value", "formula")
CARD_ORIGINS = (*ORIGINS, "words")
MOST_RULES = 12
MOST_STEPS = 20
_PLAIN = ("when", "table", "default", "on_error", "owner", "direction", "by", "kind", "empty")
_WHOLE = re.compile(r"-?\d{1,15}")
_NUMBERS = ("int", "money", "quantity", "integer", "number")


@dataclass(slots=True)
class RuleForm:
    """One rule: where it begins, its steps, and all else by name. `kept`: parts that the form only carries along."""

    origin: str = "from"
    text: str = ""
    steps: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)


def form_of(rules: list[dict[str, Any]] | None) -> list[RuleForm]:
    """The rules of a field as a form; an empty one where there are none."""
    return [_form(rule) for rule in rules or []] or [RuleForm()]


def _form(rule: Mapping[str, Any]) -> RuleForm:
    origin = next((one for one in CARD_ORIGINS if one in rule), "from")
    said = rule.get(origin, "")
    found = RuleForm(origin, "\n".join(map(str, said)) if isinstance(said, list) else _text(said))
    steps = rule.get("steps")
    found.steps = [typed_of(step) for step in steps] if isinstance(steps, list) else []
    found.more = {name: _text(rule[name]) for name in _PLAIN if name in rule}
    known = {origin, "steps", *_PLAIN}
    found.kept = {name: value for name, value in rule.items() if name not in known}
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def rules_of(forms: list[RuleForm], kind: str) -> object:
    """What the form says, as shortly as a rule file can say it; `kind` is what the field holds."""
    rules = [_short(_rule(form, kind)) for form in forms]
    return rules[0] if len(rules) == 1 else rules


def _rule(form: RuleForm, kind: str) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if form.origin in ("from", "words"):
        lines = [line.strip() for line in form.text.splitlines() if line.strip()]
        rule[form.origin] = lines[0] if len(lines) == 1 and form.origin == "from" else lines
    else:
        rule[form.origin] = _scalar(form.text.strip(), kind) if form.origin == "value" else form.text.strip()
    steps = [step_of(do, typed) for do, typed in form.steps]
    rule |= {"steps": steps} if steps else {}
    for name, text in form.more.items():
        if text.strip():
            rule[name] = _scalar(text.strip(), kind) if name == "default" else text if name == "by" else text.strip()
    return rule | form.kept


def _short(rule: dict[str, Any]) -> object:
    """A path alone is short for a rule; what is said without saying anything is left out."""
    if rule.get("owner") == "accounting":
        del rule["owner"]
    if rule.get("direction") == "in":
        del rule["direction"]
    only = set(rule) == {"from"} and isinstance(rule["from"], str) and rule["from"]
    return rule["from"] if only else rule


def _scalar(text: str, kind: str) -> object:
    if kind in ("bool", "boolean") and text in ("true", "false"):
        return text == "true"
    return int(text) if kind in _NUMBERS and _WHOLE.fullmatch(text) else text


def read_form(sent: Mapping[str, str], kept: list[dict[str, Any]] | None) -> list[RuleForm]:
    """The form as it was sent: fields `r0.text`, `r0.s1.do`, `r0.s1.length`, `r0.when`, ...

    `kept`: the rules that the form was made of; what it cannot show comes from there, by the rule's `was`.
    """
    forms = []
    for number in range(min(_count(sent, "rules"), MOST_RULES)):
        at = f"r{number}."
        origin = sent.get(f"{at}origin", "from")
        found = RuleForm(origin if origin in CARD_ORIGINS else "from", sent.get(f"{at}text", "").replace("\r\n", "\n"))
        for step in range(min(_count(sent, f"{at}steps"), MOST_STEPS)):
            do = sent.get(f"{at}s{step}.do", "")
            args = {arg.name: sent.get(f"{at}s{step}.{arg.name}", "") for arg in STEP_ARGS.get(do, ())}
            found.steps.append((do, args))
        found.more = {name: sent[f"{at}{name}"] for name in _PLAIN if f"{at}{name}" in sent}
        was = sent.get(f"{at}was", "")
        if kept and was.isascii() and was.isdecimal() and int(was[:4]) < len(kept):
            found.kept = _form(kept[int(was[:4])]).kept
        forms.append(found)
    return forms or [RuleForm()]


def _count(sent: Mapping[str, str], name: str) -> int:
    text = sent.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def change_form(forms: list[RuleForm], deed: str, sent: Mapping[str, str]) -> bool:
    """Carry out a button of the form: `add`, `drop:0`, `step:0`, `off:0:1`, `up:0:1`, `down:0:1`, `take:0:PATH`.

    True where it was one.
    """
    name, _, rest = deed.partition(":")
    place, _, what = rest.partition(":")
    if name == "add" and len(forms) < MOST_RULES:
        forms.append(RuleForm(more={key: text for key, text in forms[0].more.items() if key in ("owner", "direction")}))
        return True
    rule = int(place) if place.isascii() and place.isdecimal() and int(place[:4]) < len(forms) else None
    if rule is None:
        return False
    if name == "drop" and len(forms) > 1:
        del forms[rule]
    elif name == "step" and (do := sent.get(f"r{rule}.add", "")) in STEP_ARGS and len(forms[rule].steps) < MOST_STEPS:
        forms[rule].steps.append((do, {}))
    elif name == "take":
        _take(forms[rule], what)
    else:
        return _move(forms[rule].steps, name, what)
    return True


def _take(form: RuleForm, path: str) -> None:
    """A name of the base goes behind those that are there: the first that is filled counts."""
    lines = form.text.splitlines() if form.origin == "from" else []
    form.origin, form.text = "from", "\n".join([line for line in lines if line.strip() and line != path] + [path])


def _move(steps: list[tuple[str, dict[str, str]]], name: str, what: str) -> bool:
    at = int(what) if what.isascii() and what.isdecimal() and len(what) < 4 else len(steps)
    if at >= len(steps) or name not in ("off", "up", "down"):
        return False
    step = steps.pop(at)
    if name != "off":
        steps.insert(max(0, at - 1) if name == "up" else at + 1, step)
    return True
