"""Checks nested data against a JSON schema, and says in words what is wrong with it."""

from pathlib import Path
from typing import Any

import jsonschema

from reinrelax.core.document import read_yaml
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

# An integer is written as one: 2.0 counts nothing.
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def explain(error: jsonschema.ValidationError) -> str:
    """One line: key, what is allowed, what came."""
    key = ".".join(str(p) for p in error.absolute_path) or "configuration"
    shown = repr(error.instance)
    came = f"got {shown}" if len(shown) < 80 else f"got a {type(error.instance).__name__}"
    rule = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = [k for k in error.instance if k not in known]
            return f"{key}: unknown key {', '.join(map(repr, unknown))}; allowed: {', '.join(known)}"
        case "required":
            missing = [k for k in rule if k not in error.instance]
            return f"{key}: missing {', '.join(missing)}"
        case "enum":
            return f"{key}: must be one of {', '.join(map(str, rule))}; {came}"
        case "type":
            kinds = [rule] if isinstance(rule, str) else rule
            return f"{key}: must be of type {' or '.join(kinds)}; {came}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            sign = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">"}[error.validator]
            return f"{key}: must be {sign} {rule}; {came}"
        case "pattern":
            return f"{key}: must be {error.schema.get('description', f'like {rule}')}; {came}"
        case "uniqueItems":
            return f"{key}: must not have a value twice; {came}"
        case "minItems" | "maxItems" | "minProperties":
            least = "at most" if error.validator == "maxItems" else "at least"
            return f"{key}: must have {least} {rule}; has {len(error.instance)}"
        case _:
            return f"{key}: must keep to {error.validator} {rule}; {came}"


def of_configuration(path: Path) -> dict[str, Any]:
    """The configuration's, with the estimators' hyper-parameters among the settings and the varied values."""
    known: dict[str, Any] = read_yaml(path)
    settings = known["properties"]["settings"]["additionalProperties"]["additionalProperties"]
    varied = known["$defs"]["vary"]["additionalProperties"]
    for name, entry in HYPERPARAMETERS.items():
        # Draws are the experiment's.
        if name != "draws":
            settings["properties"][name] = entry.schema
            varied["properties"][name] = {**known["$defs"]["distinct"], "items": entry.schema}
    return known
