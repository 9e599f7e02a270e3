"""Check the form of ``gatekeeper.toml`` against its schema, and say in words what is wrong."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from .problems import Problem, shown
from .schema import SCHEMA


def check_form(tables: Mapping[str, Any]) -> list[Problem]:
    """Return every place where the file has not the form it should have."""
    return [_problem(error) for error in _errors(tables)]


def _is_whole(_checker: object, value: object) -> bool:
    # JSON Schema takes 30.0 for an integer; in a cookie's Max-Age it is none.
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = extend(  # type: ignore[no-untyped-call]  # its stubs leave it out
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
)


def _errors(tables: Mapping[str, Any]) -> Iterator[ValidationError]:
    errors = _Validator(SCHEMA).iter_errors(tables)
    yield from sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])


def _problem(error: ValidationError) -> Problem:
    key = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "required":
        return _missing(key, error)
    if error.validator == "additionalProperties":
        return _unknown(key, error)
    if "pattern" in error.absolute_schema_path and "propertyNames" in error.absolute_schema_path:
        rule = f"an id of the form {error.validator_value}"
        return Problem(f"{key}.{error.instance}", "(a table)", rule, "rename it: lower-case letters, digits, hyphens")
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    rule = schema.get("x-rule", error.message)
    if error.validator == "maxLength":
        rule = f"{rule}, in at most {error.validator_value} characters"
    return Problem(key, shown(error.instance), rule, schema.get("x-fix", "see `gatekeeper init` for the form"))


def _missing(key: str, error: ValidationError) -> Problem:
    # jsonschema reports each missing key on its own; the message starts with its name in quotes.
    name = error.message.split("'")[1]
    schema = error.schema["properties"][name] if isinstance(error.schema, Mapping) else {}
    where = name if key == "the file" else f"{key}.{name}"
    rule = schema.get("x-rule", f"required, a table with {', '.join(schema.get('required', []))}")
    return Problem(where, "(missing)", rule, schema.get("x-fix", f"add [{where}]"))


def _unknown(key: str, error: ValidationError) -> Problem:
    known = list(error.schema["properties"]) if isinstance(error.schema, Mapping) else []
    strange = sorted(set(error.instance) - set(known)) if isinstance(error.instance, Mapping) else []
    near = [match for name in strange for match in get_close_matches(name, known, n=1)]
    fix = f"did you mean {', '.join(near)}?" if near else f"remove it; known keys: {', '.join(known)}"
    where = ", ".join(strange if key == "the file" else [f"{key}.{name}" for name in strange])
    return Problem(where, "(unknown key)", "only keys that Gatekeeper knows", fix)
