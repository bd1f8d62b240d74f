"""What is wrong with settings and what they may be, in words that come from the model that checks them."""

import difflib
import functools
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

MOST = 50
"""Wrong values that are told of; how many more there are is only counted."""

_Schema = Mapping[str, Any]


def unit(name: str) -> Any:
    """What a number counts or measures, e.g. `steps`: goes into the `Annotated` type of a setting."""
    return Field(json_schema_extra={"unit": name})


def tagged(name: str) -> Any:
    """By what Pydantic's errors name one of several sections that may stand in one place (`Tag`)."""
    return Field(json_schema_extra={"tag": name})


def leaves(model: type[BaseModel] | BaseModel, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Path, e.g. `world.holdout`, and field of every setting of a model and its sections.

    Args:
        model: a model's class, or one with values; of sections that stand under names of the user's own, such as
            `learners`, a class has those that are there by default.
        prefix: of all paths.
    """
    kind = model if isinstance(model, type) else type(model)
    for name, field in kind.model_fields.items():
        inner = field.default if isinstance(model, type) else getattr(model, name)
        if isinstance(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        elif isinstance(inner, Mapping):
            for own, section in inner.items():
                yield from leaves(section, f"{prefix}{name}.{own}.")
        else:
            yield f"{prefix}{name}", field


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A line for each wrong value: its path, what is allowed there, what it is for, and the value.

    A `ValueError` of a model's own validator is passed on as it is: it is about several settings, and names them.
    """
    schema, problems = _schema_of(model), error.errors(include_url=False)
    # A list with a wrong entry is also said to be too short.
    around = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    known = [path for path, _ in leaves(model)]
    lines = list(
        dict.fromkeys(_explain(problem, schema, known) for problem in problems if problem["loc"] not in around)
    )
    return lines if len(lines) <= MOST else [*lines[:MOST], f"and {len(lines) - MOST:,} more"]


@functools.cache
def _schema_of(model: type[BaseModel]) -> _Schema:
    """Its JSON schema, which takes Pydantic a tenth of a second to make."""
    return model.model_json_schema()


def allowed(schema: _Schema) -> str:
    """What a value with this JSON schema may be, e.g. `a number from 1 to 5 stars`."""
    if "anyOf" in schema:
        options = [allowed(option) for option in schema["anyOf"]]
        return ", or ".join(sorted(options, key=lambda option: option != "null"))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        if len(schema["enum"]) == 1:
            return str(schema["enum"][0])
        return f"{', '.join(schema['enum'][:-1])} or {schema['enum'][-1]}"
    match schema.get("type"):
        case "integer" | "number" as kind:
            return " ".join(filter(None, [_NUMBERS[kind], _range(schema), schema.get("unit")]))
        case "string" if "examples" in schema:
            return f"text such as {' or '.join(map(repr, schema['examples']))}"
        case "string":
            return "text that is not empty" if schema.get("minLength") else "text"
        case "array":
            more = "" if schema.get("minItems") == schema.get("maxItems", "any") else " or more"
            return f"a list of {schema.get('minItems', 0)}{more}, each {allowed(schema['items'])}"
        case kind:
            return {"boolean": "true or false", "null": "null"}.get(str(kind), "settings by name")


_NUMBERS = {"integer": "a whole number", "number": "a number"}


def _range(schema: _Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f"from {_figure(schema['minimum'])} to {_figure(schema['maximum'])}"
    bounds = {"exclusiveMinimum": "above", "minimum": "of at least", "exclusiveMaximum": "below", "maximum": "at most"}
    return " and ".join(f"{words} {_figure(schema[name])}" for name, words in bounds.items() if name in schema)


def _figure(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _explain(problem: Any, schema: _Schema, known: Sequence[str]) -> str:
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "json_invalid":
        return str(problem["msg"])
    path, around, purpose = _resolved(problem["loc"], schema)
    where = ".".join(map(_name, path)) or "the settings"
    if around is None:
        neighbours = list((_resolved(problem["loc"][:-1], schema)[1] or {}).get("properties", {}))
        return f"{where}: unknown setting{_suggestion(path, neighbours, known)}"
    if problem["type"].startswith("union_tag") and isinstance(problem["input"], Mapping):
        sections = list(_choices(around, schema).values())
        name = next(iter(_constants(sections[0])))
        value = as_text(problem["input"][name]) if name in problem["input"] else "missing"
        return f"{where}.{name}: must be {allowed(_alternatives(name, sections, problem['input']))}; is {value}"
    if problem["loc"] and problem["loc"][-1] == "[key]":
        return f"{where}: a name must be {_KEYS}; is {as_text(problem['input'])}"
    value = "missing" if problem["type"] == "missing" else as_text(problem["input"])
    return f"{where}: must be {allowed(around)}{_in_brackets(purpose)}; is {value}"


def _resolved(loc: Sequence[str | int], schema: _Schema) -> tuple[list[str | int], _Schema | None, str]:
    """The path that a place in Pydantic's words stands for, its schema, and what it is for.

    Where one of several sections or kinds of values is meant, Pydantic names which one behind its name: that is no part
    of the path. The schema of what nobody knows is None.
    """
    path: list[str | int] = []
    around: _Schema | None = schema
    purpose = ""
    sections: list[_Schema] = []
    for part in loc:
        assert around is not None
        if "oneOf" in around and part in (choices := _choices(around, schema)):
            around, sections, purpose = choices[str(part)], list(choices.values()), ""
            continue
        if part == "[key]":
            return path, around, purpose
        if "anyOf" in around:
            references = [option["$ref"] for option in around["anyOf"] if "$ref" in option]
            if not references:  # Pydantic goes on with what kind of value it tried
                return path, around, purpose
            around = _definition(references[0], schema)
        path.append(part)
        inner = _named(part, around) if isinstance(part, str) else around.get("items")
        if not isinstance(inner, Mapping):
            return path, None, ""
        purpose = inner.get("description", purpose)
        if "const" in inner and sections:
            inner = _alternatives(str(part), sections, _constants(around))
        around = _definition(inner["$ref"], schema) if "$ref" in inner else inner
    return path, around, purpose


def _named(name: str, around: _Schema) -> Any:
    """The schema of what has this name inside; where names are the user's own, all have the same."""
    if name in around.get("properties", {}):
        return around["properties"][name]
    return next(iter(around.get("patternProperties", {}).values()), None)


_KEYS = "small letters, digits and underscores, a letter first, at most 40"


def _choices(around: _Schema, schema: _Schema) -> dict[str, _Schema]:
    """Of several sections that may stand in one place: each by its tag."""
    return {option["tag"]: _definition(option["$ref"], schema) for option in around["oneOf"]}


def _constants(section: _Schema) -> dict[str, Any]:
    """The settings of a section that have one value only: they say which section it is."""
    return {name: field["const"] for name, field in section["properties"].items() if "const" in field}


def _alternatives(name: str, sections: Sequence[_Schema], beside: Mapping[Any, Any]) -> _Schema:
    """What a setting that tells sections apart may be: beside these other settings, or at all if nothing fits them."""
    apart = [constants for section in sections if name in (constants := _constants(section))]
    fitting = [own for own in apart if all(beside.get(key, own[key]) == own[key] for key in own if key != name)]
    return {"enum": list(dict.fromkeys(own[name] for own in fitting or apart))}


def _definition(reference: str, schema: _Schema) -> _Schema:
    found: _Schema = schema["$defs"][reference.rpartition("/")[2]]
    return found


def _in_brackets(description: str) -> str:
    """The description's first clause."""
    clause = re.split(r"[.;:] ", " ".join(description.split()) + " ")[0].strip()
    if re.match(r"\w[a-z ]", clause):
        clause = clause[0].lower() + clause[1:]
    return clause and f" ({clause})"


def _suggestion(path: Sequence[str | int], neighbours: Sequence[str], known: Sequence[str]) -> str:
    """A setting with nearly the unknown one's name: a neighbour, or else one of another section."""
    above, name = [str(part) for part in path[:-1]], str(path[-1])
    nearby = {neighbour: ".".join([*above, neighbour]) for neighbour in neighbours}
    anywhere = {setting.rpartition(".")[2]: setting for setting in known}
    for candidates in (nearby, anywhere):
        if found := difflib.get_close_matches(name, candidates, n=1, cutoff=0.7):
            return f"; did you mean {candidates[found[0]]}?"
    return ""


def _name(part: str | int) -> str:
    plain = isinstance(part, int) or (part.isprintable() and " " not in part and len(part) <= _SHORT.maxstring)
    return str(part) if plain else as_text(part)


def as_text(value: object) -> str:
    """A value as in YAML, on one line and never long, whatever it is."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return _SHORT.repr(value)


def printable(text: str) -> str:
    """The text with all that a terminal would obey, line breaks aside, spelt out."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlist, self.maxdict = 2, 60, 60, 4, 4

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write very long numbers out.
        return f"a number of {x.bit_length()} bits" if x.bit_length() > 128 else repr(x)


_SHORT = _Short()
