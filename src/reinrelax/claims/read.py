"""Reader of claims files. It checks every key and reports each mistake with its file and place."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinrelax.claims import queries
from reinrelax.claims.mistakes import Mistakes, check_keys
from reinrelax.claims.model import (
    MEASUREMENTS,
    SUBJECTS,
    TYPES,
    Claim,
    Minimum,
    PrintedNumber,
    Subject,
)
from reinrelax.core.yaml_file import read_yaml
from reinrelax.errors import ConfigError


@dataclass(frozen=True)
class Schema:
    """The keys of the claims of one judging function.

    Attributes:
        type: the default type of its claims.
        subjects: subjects that the function can judge.
        required, optional: keys in addition to those of every claim.
        rule: keys that the file's rule must have.
        tuning: keys of the rule that apply to claims that set none of them.
    """

    type: str
    subjects: Collection[str]
    required: Collection[str] = ()
    optional: Collection[str] = ()
    rule: Collection[str] = ()
    tuning: Collection[str] = ()


_COMMON = ("id", "judge", "place", "statement")
_ALWAYS = ("note", "type", "family")
_QUERY = (*queries.KEYS, "limits", "each", "at_least")
_NAMES = ("lower", "higher", "places", "elsewhere")
_PARAMETERS = (
    *("limit", "printed", "by", "from", "to", "turns", "rank", "times"),
    *("tolerance", "share", "expected", "smallest"),
)
_WORDS = {"direction": ("falling", "rising"), "by": ("categories", "latents", "codes")}
_IN_WORDS = ("id", "place", "statement", "note", "type", "family")
_ASSERTING = ("ambiguous", "unjudged")  # need no rows


def load(folder: Path, schemas: Mapping[str, Schema], root: Path = Path()) -> list[Claim]:
    """Read all claims of a folder's YAML files, in the order of file names and entries.

    Args:
        folder: a folder with `*.yaml` files.
        schemas: name of a judging function to the schema of its claims.
        root: the project's folder; paths of tables in the files are relative to it.

    Raises:
        ConfigError: lists every file and unknown, missing or invalid key, one per line.
    """
    with Mistakes() as mistakes:
        claims: list[Claim] = []
        for path in sorted(folder.glob("*.yaml")):
            with mistakes:
                claims += _File(path, schemas, root).claims()
    if not claims:
        raise ConfigError(
            f"{folder}: contains no claims; run from the project's folder, or name it with"
            " --project"
        )
    several = [name for name, number in Counter(claim.id for claim in claims).items() if number > 1]
    if several:
        raise ConfigError(
            "\n".join(
                f"{folder}: two claims have the id {n!r}; change one of them" for n in several
            )
        )
    return claims


class _File:
    """One file of claims. Its head is checked first."""

    def __init__(self, path: Path, schemas: Mapping[str, Schema], root: Path) -> None:
        self.path, self.schemas, self.root = path, schemas, root
        self.content = read_yaml(path)
        check_keys(
            str(path),
            self.content,
            ("paper", "subject", "rule", "minimum", "claims"),
            ("settings", "printed"),
        )
        self.kind = self.content["subject"]
        if self.kind not in (*SUBJECTS, MEASUREMENTS):
            known = ", ".join((*SUBJECTS, MEASUREMENTS))
            raise ConfigError(f"{path}: subject: must be one of {known}; got {self.kind!r}")
        self.subject = SUBJECTS.get(self.kind)
        self._check_rule()
        minimum = self.content["minimum"]
        if self.subject:
            check_keys(f"{path}: minimum", minimum, self.subject.minimum)
        elif not isinstance(minimum, dict) or not all(
            isinstance(part, dict) for part in minimum.values()
        ):
            raise ConfigError(
                f"{path}: minimum: must map tables to columns and values; got {minimum!r}"
            )
        self.settings = (
            read_settings(root / self.content["settings"]) if "settings" in self.content else {}
        )
        self.printed = self._printed(self.content.get("printed", {}))
        if not isinstance(self.content["claims"], list):
            raise ConfigError(f"{path}: claims: must be a list; got {self.content['claims']!r}")

    def _printed(self, tables: Any) -> dict[str, dict[tuple[str, str], PrintedNumber]]:
        """Return the numbers that the paper prints, by metric and then by (method, place)."""
        metrics = self.subject.metrics if self.subject else ()
        check_keys(f"{self.path}: printed", tables, (), metrics)
        found = {}
        for metric, table in tables.items():
            rows = _rows(self.root / table, ("estimator", "latent", "mean"))
            found[metric] = {
                (row["estimator"], row["latent"]): published(row, table) for row in rows
            }
        return found

    def claims(self) -> list[Claim]:
        """Return the file's claims."""
        found: list[Claim] = []
        with Mistakes() as mistakes:
            for index, entry in enumerate(self.content["claims"]):
                where = f"{self.path}: claims[{index}]"
                with mistakes:
                    found += self._expanded(where, entry, self._schema(where, entry))
        return found

    def _schema(self, where: str, entry: Any) -> Schema:
        """Return the schema of an entry, after checking the entry's keys."""
        if not isinstance(entry, dict) or entry.get("judge") not in self.schemas:
            came = entry.get("judge") if isinstance(entry, dict) else entry
            raise ConfigError(
                f"{where}.judge: unknown function {came!r}; known: {', '.join(self.schemas)}"
            )
        schema = self.schemas[entry["judge"]]
        if self.kind not in schema.subjects:
            raise ConfigError(f"{where}.judge: {entry['judge']} cannot judge {self.kind}")
        required, optional = [*_COMMON, *schema.required], [*_ALWAYS, *schema.optional]
        if entry["judge"] in _ASSERTING:
            optional += ["metric"]
        elif self.subject:
            required += ["metric"]
        else:
            optional += [key for key in _QUERY if key not in required]
        with Mistakes() as mistakes:
            with mistakes:
                check_keys(where, entry, required, optional)
            for key in schema.rule:
                if key not in self.content["rule"]:
                    mistakes.add(f"{self.path}: rule.{key}: missing; {entry['judge']} needs it")
            for key in entry:
                if key in _PARAMETERS and not self._is_parameter(key, entry[key], schema):
                    kind = {"expected": "a column", "by": f"one of {', '.join(_WORDS['by'])}"}.get(
                        key, "a number"
                    )
                    mistakes.add(f"{where}.{key}: must be {kind}; got {entry[key]!r}")
                if key in schema.required and key in _NAMES and not entry[key]:
                    mistakes.add(f"{where}.{key}: must name at least one")
            known = {"type": TYPES, "direction": _WORDS["direction"]}
            if self.subject:
                known["metric"] = self.subject.metrics
            for key, options in known.items():
                if key in entry and entry[key] not in options:
                    mistakes.add(
                        f"{where}.{key}: must be one of {', '.join(options)}; got {entry[key]!r}"
                    )
        return schema

    def _is_parameter(self, key: str, value: Any, schema: Schema) -> bool:
        if key == "expected":
            return isinstance(value, str)
        if key == "by" and "by" in schema.required:
            return value in _WORDS["by"]
        return isinstance(value, int | float) and not isinstance(value, bool)

    def _check_rule(self) -> None:
        known = {key for schema in self.schemas.values() for key in (*schema.rule, *schema.tuning)}
        check_keys(f"{self.path}: rule", self.content["rule"], (), sorted(known))
        for key, value in self.content["rule"].items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"{self.path}: rule.{key}: must be a number; got {value!r}")

    def _expanded(self, where: str, entry: Mapping[str, Any], schema: Schema) -> Iterator[Claim]:
        """Yield the claim of an entry, or one per row of the reference table that it names."""
        if "reference" not in schema.required:
            yield self._claim(where, entry, schema, entry)
            return
        needed = (
            ("estimator", "latent")
            if self.subject is None
            else ("estimator", "latent", "mean", "plus_minus", "seeds")
        )
        for row in _rows(self.root / entry["reference"], needed):
            if any(
                row[key] not in queries.listed(value)
                for key, value in entry.get("where", {}).items()
                if key in row
            ):
                continue
            own = {key: value for key, value in entry.items() if key != "reference"}
            own["id"] = f"{entry['id']}-{row['estimator']}-{row['latent']}"
            try:
                own["statement"] = entry["statement"].format(**row)
            except (KeyError, ValueError, TypeError) as error:
                raise ConfigError(
                    f"{where}: does not match {entry['reference']}: {error!r}"
                ) from None
            if self.subject:
                own |= {"lower": [row["estimator"]], "places": [row["latent"]]}
                number = published(row, entry["reference"])
                yield self._claim(str(entry["reference"]), own, schema, entry, number)
            else:
                picked = {"estimator": row["estimator"], "latent": row["latent"]}
                yield self._claim(
                    where, {**own, "where": {**entry.get("where", {}), **picked}}, schema, entry
                )

    def _claim(
        self,
        where: str,
        entry: Mapping[str, Any],
        schema: Schema,
        written: Mapping[str, Any],
        number: PrintedNumber | None = None,
    ) -> Claim:
        shared: dict[str, Any] = {
            **{key: self.content[key] for key in ("paper", "subject")},
            "rule": {
                key: value
                for key, value in self.content["rule"].items()
                if key in (*schema.rule, *schema.tuning)
            },
            **{key: entry[key] for key in ("id", "judge", "place", "statement")},
            "type": entry.get("type", schema.type),
            "note": entry.get("note", ""),
            "entry": written["id"],
            "limits": digest(said(self.content, written, schema)),
            "family": entry.get("family", ""),
            "parameters": {key: entry[key] for key in (*_PARAMETERS, "direction") if key in entry},
        }
        if entry["judge"] in _ASSERTING:
            return Claim(**shared, minimum=Minimum({}, 0, {}))
        if self.subject is None:
            return Claim(**shared, **self._queried(where, entry))
        minimum = self.content["minimum"]
        exact = {key: minimum[key] for key in self.subject.minimum if key != "seeds"}
        names: dict[str, Any] = {}
        with Mistakes() as mistakes:
            for key in _NAMES:
                with mistakes:
                    names[key] = _names(f"{where}.{key}", entry.get(key, ()), key, self.subject)
        if both := set(names["lower"]) & set(names["higher"]):
            raise ConfigError(f"{where}.higher: {both.pop()} is also in lower")
        columns = len(names["places"]) + len(names["elsewhere"])
        least = entry.get("at_least", columns)
        if not (isinstance(least, int) and 1 <= least <= columns):
            raise ConfigError(f"{where}.at_least: must be from 1 to {columns}; got {least!r}")
        return Claim(
            **shared,
            **names,
            at_least=least,
            metric=entry["metric"],
            minimum=Minimum(exact, minimum["seeds"], self.settings),
            published=number,
            printed=self.printed.get(entry["metric"], {}),
        )

    def _queried(self, where: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return query, minimum and count of a claim on measurements."""
        query = queries.read(where, entry)
        if not query.reference and query.table not in self.content["minimum"]:
            raise ConfigError(
                f"{self.path}: minimum.{query.table}: missing; {entry['id']} reads it"
            )
        least = entry.get("at_least")
        if least is not None and not (isinstance(least, int) and least >= 1 and entry.get("each")):
            raise ConfigError(
                f"{where}.at_least: must be a number of groups, 1 or more, and requires `each`;"
                f" got {least!r}"
            )
        conditions = {} if query.reference else dict(self.content["minimum"][query.table])
        minimum = Minimum(conditions, int(conditions.get("seeds", 0)), {})
        return {"minimum": minimum, "at_least": least, "query": query}


def read_settings(path: Path) -> dict[tuple[str, str], dict[str, str | float]]:
    """Read optimizer, learning rate, τ and η of each estimator and latent shape.

    Values that the table does not give are left out.
    """
    names = {"learning_rate": "learning_rate", "temperature": "tau", "eta": "eta"}
    return {
        (row["estimator"], row["latent"]): {
            "optimizer": row["optimizer"],
            **{name: float(row[column]) for column, name in names.items() if row[column]},
        }
        for row in _rows(path, ("estimator", "latent", "optimizer", *names))
    }


def digest(said: str) -> str:
    """Return a short hash of a rule's content, used to follow its history."""
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def said(content: Mapping[str, Any], entry: Mapping[str, Any], schema: Schema | None) -> str:
    """Return the content of an entry without its words, as JSON.

    It contains the judging function, rows and limits, including the limits of the file.

    Args:
        content: the file's content. Of `rule` and `minimum`, only the parts that apply to the entry
            are included.
        entry: one of its claims.
        schema: the schema of the entry's judging function; None if the function no longer exists,
            in which case the whole rule is included.
    """
    found = {key: value for key, value in entry.items() if key not in _IN_WORDS}
    if entry.get("judge") not in _ASSERTING:
        rule = content.get("rule") or {}
        if schema is not None:
            tuning = () if set(schema.tuning) & set(entry) else schema.tuning
            rule = {key: value for key, value in rule.items() if key in (*schema.rule, *tuning)}
        minimum = content.get("minimum") or {}
        if content.get("subject") == MEASUREMENTS:
            minimum = minimum.get(entry.get("table"), {})
        found |= {"rule": rule, "minimum": minimum}
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def published(row: Mapping[str, str], table: str) -> PrintedNumber:
    """Return a row's printed number: `mean`, and `plus_minus` and `seeds` if it has these columns.

    Raises:
        ConfigError: names the table and the value that is not a number.
    """
    try:
        return PrintedNumber(
            float(row["mean"]), float(row.get("plus_minus") or "nan"), int(row.get("seeds") or 0)
        )
    except ValueError as error:
        raise ConfigError(f"{table}: {row['estimator']} at {row['latent']}: {error}") from None


def _names(where: str, names: Any, key: str, subject: Subject) -> tuple[str, ...]:
    """Return names of methods or places, checked so that a typo does not pass for a missing run."""
    check = subject.method if key in ("lower", "higher") else subject.place
    try:
        if not isinstance(names, list | tuple):
            raise ConfigError(f"must be a list; got {names!r}")
        for name in names:
            check(str(name))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return tuple(str(name) for name in names)


def _rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := sorted(set(columns) - set(reader.fieldnames or ())):
                raise ConfigError(f"{path}: column {missing[0]!r} is missing")
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error!r}); run from the project's folder"
        ) from None
