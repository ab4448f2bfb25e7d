"""Hundreds of spoilt configurations: each is refused by an error that names its key, or can be
used.
"""

import math
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax import cli
from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.core.yaml_file import read_yaml, typed
from reinrelax.errors import ConfigError
from reinrelax.execution import estimates
from reinrelax.jobs.runs import cells, run_table, table_path
from reinrelax.jobs.studies import studies
from reinrelax.results.read import is_done
from tests.conftest import ROOT, merge

# Of planning whatever is accepted. What takes this on an idle machine takes a second.
SECONDS = 20.0
SHELL = [
    "; touch x",
    "$(touch x)",
    "`touch x`",
    "a b",
    "'",
    '"',
    "&& touch x",
    "| tee x",
    "> x",
    "\\",
    "*",
]
PATHS = [
    "../up",
    "/etc/passwd",
    "a/../../b",
    "~/x",
    "-x",
    ".",
    "",
    "a//b",
    "x" * 300,
    "\u00e9" * 150,
]
TEXTS = [
    "\0",
    "a\0b",
    "a\nb",
    "quick\n",
    "\ud800",
    "\x1b[31m",
    "{x}",
    "{log}",
    "x" * 5000,
    "<script>",
    "null",
]
NUMBERS = [
    0,
    -1,
    1.5,
    2.0,
    -0.0,
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    5e-324,
    10**9,
    10**400,
    -(10**400),
]
OTHERS: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [{}],
    {"a": {"b": 1}},
    [None],
    ["x", "x"],
    [1, 1],
    [1, 1.0],
]
SHAPES = [
    "8x0",
    "1x4",
    "-8x4",
    "8x4x2",
    "8 x4",
    "99999x99999",
    f"8x{'9' * 5000}",
    "٣x٤",
    "8x4\n",
    "../8x4",
]
ANYTHING: list[Any] = [
    *SHELL,
    *PATHS,
    *TEXTS,
    *NUMBERS,
    *OTHERS,
    *SHAPES,
    {1: 2},
    {None: 1},
    b"bytes",
    {1, 2},
]

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Spoilt:
    """A configuration, and where it was changed. `name`: of the key, which an error has to say."""

    raw: dict[str, Any]
    name: str
    change: str


@cache
def read(scale: str | None) -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    if scale:
        merge(
            raw,
            yaml.safe_load((ROOT / f"workflow/scales/{scale}.yaml").read_text(encoding="utf-8")),
        )
    return raw


def unshared(value: Any) -> Any:
    """A copy in which nothing is there twice, as aliases are."""
    if isinstance(value, dict):
        return {key: unshared(below) for key, below in value.items()}
    return [unshared(below) for below in value] if isinstance(value, list) else value


def keys(value: Any, at: Key = ()) -> Iterator[Key]:
    """All places in a nested document, itself not among them."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, below in items:
        yield (*at, name)
        yield from keys(below, (*at, name))


def parent(raw: Any, key: Key) -> Any:
    for part in key[:-1]:
        raw = raw[part]
    return raw


def named(key: Key) -> str:
    """The innermost part of a place that is a name."""
    return next(part for part in reversed(key) if isinstance(part, str))


def spoil(number: int) -> Spoilt:
    """The change of this number: the same every time."""
    generator = random.Random(f"spoilt {number}")
    raw = unshared(read(generator.choice([None, "paper", "test"])))
    key = generator.choice(list(keys(raw)))
    inside, last = parent(raw, key), key[-1]
    kind = generator.choice(
        ["replace", "replace", "replace", "remove", "add", "wrap", "twice", "rename"]
    )
    if kind == "remove":
        del inside[last]
    elif kind == "add" and isinstance(inside[last], dict):
        name = generator.choice(
            ["sead", "../x", "$(touch x)", "x" * 400, "a\0b", "ReinMax", "any", "8x4"]
        )
        inside[last][name] = generator.choice(ANYTHING)
        return Spoilt(raw, "", f"{kind} {key} {name!r:.40}")
    elif kind == "wrap":
        inside[last] = generator.choice(
            [[inside[last]], {"x": inside[last]}, {str(last): inside[last]}]
        )
    elif kind == "twice" and isinstance(inside[last], list):
        inside[last] = [*inside[last], *inside[last]]
    elif kind == "rename" and isinstance(last, str):
        inside[generator.choice([last.upper() + "_", f"{last} ", f"{last}\0"])] = inside.pop(last)
    else:
        inside[last] = value = generator.choice(ANYTHING)
        huge = (
            isinstance(value, int) and abs(value) > 10**20
        )  # one of thousands of digits cannot be written
        return Spoilt(raw, named(key), f"{key} = {'huge' if huge else repr(value)[:60]}")
    return Spoilt(raw, named(key), f"{kind} {key}")


def use(config: Config) -> None:
    """All that is done before a job starts; nothing may lie outside the results folder."""
    folder = config.folder.resolve()
    assert folder.is_relative_to(config.results.resolve())
    assert folder != config.results.resolve()
    table, jobs = run_table(config), cells(config)
    ids = [run.run_id for run in table]
    assert len(set(ids)) == len(ids) == sum(len(cell.runs) for cell in jobs.values())
    places = [table_path(config, name) for name in jobs]
    places += [config.folder / name for name in studies(config)]
    for place in places:
        assert ".." not in place.relative_to(config.folder).parts
        assert place.resolve().is_relative_to(folder)
    for cell in list(jobs.values())[:20]:
        assert not is_done(config, cell)
        assert len(cell.fingerprint) == 64
        assert estimates.memory_mb(cell) > 0
    for study in list(studies(config).values())[:20]:
        assert len(study.fingerprint) == 64
    assert "jobs to do" in estimates.describe(config, 2, ROOT)


def try_out(spoilt: Spoilt) -> str:
    """`refused` or `used` as it should be, or what went wrong."""
    before = time.process_time()
    outcome = "used"
    config = None
    try:
        config = configuration.load(spoilt.raw, ROOT)
        use(config)
    except Exception as error:
        if config or not isinstance(error, ConfigError):
            return f"{spoilt.change}: {error!r:.300}"
        said = str(error)
        said.encode()  # or it could not be printed
        clear = spoilt.name in said and len(said) < 4000
        outcome = (
            "refused" if clear else f"{spoilt.change}: does not name {spoilt.name}: {said:.300}"
        )
    seconds = time.process_time() - before
    return outcome if seconds < SECONDS else f"{spoilt.change}: took {seconds:.1f} s"


@pytest.mark.parametrize("group", range(5))
def test_spoilt_configurations_are_named_or_usable(
    group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes = [try_out(spoil(number)) for number in range(50 * group, 50 * group + 50)]
    assert [outcome for outcome in outcomes if outcome not in ("refused", "used")] == []
    assert outcomes.count("refused") > 10
    assert "used" in outcomes
    assert list(tmp_path.iterdir()) == []


# Single values that are fine by themselves, and what they would make together.
MANY: list[tuple[str, Any, str]] = [
    ("elbo.seeds", 10_000, r"experiments.elbo: .*seeds = 10000 make 60,000 trainings"),
    ("elbo.seeds", 2.0, r"elbo.seeds: must be of type integer or array; got 2.0"),
    (
        "elbo.latent_shapes",
        ["9999x9999"],
        r"elbo.latent_shapes\[0\]: latent shape '9999x9999' is too large",
    ),
    (
        "gradients.training.epochs",
        10_000,
        r"gradients.every: 2 requires .* in training.epochs = 10000",
    ),
    (
        "gradients.training.latent_shapes",
        ["16x12"],
        r"training.latent_shapes\[0\]: 16x12 has more than",
    ),
    (
        "gradients.training.vary",
        {"any": {"tau": [1.0, 2.0]}},
        r"gradients.training.vary: must give one value",
    ),
    (
        "grid.vary.ReinMax-CV",
        {"tau": list(range(1, 1001)), "eta": list(range(99))},
        r"experiments.grid: vary.ReinMax-CV: the values of tau, eta make 99,000 combinations",
    ),
    ("grid.vary.ReinMax-CV.tau", [1.0, 1], r"vary.ReinMax-CV.tau: must not have a value twice"),
    ("grid.vary.ReinMax-CV.tau", [], r"vary.ReinMax-CV.tau: must have at least 1 item, not 0"),
    (
        "relaxations.latents.Decoupled-STGS",
        {key: list(range(1, 500)) for key in ("tau_forward", "tau_backward")}
        | {"latent_shape": "10x20"},
        (
            r"latents.Decoupled-STGS: the values of tau_backward, tau_forward make 249,001"
            r" combinations"
        ),
    ),
    (
        "relaxations.latents.REBAR.tau",
        [0.5, 0.5],
        r"REBAR.tau: must not have a value twice; got \[0.5, 0.5\]",
    ),
    ("relaxations.latents.REBAR.tau", [], r"REBAR.tau: must have at least 1 item, not 0"),
    ("relaxations.latents.REBAR.tau", [0], r"REBAR.tau\[0\]: must be > 0; got 0$"),
    ("relaxations.latents.REBAR.tau", "x", r"REBAR.tau: must be of type number or array; got 'x'$"),
    ("relaxations.latents", {}, r"relaxations.latents: must have at least 1 item, not 0; got"),
    (
        "copula.correlation",
        [[1, 2, 0], [2, 1, 0], [0, 0, 1]],
        r"copula.correlation: must be symmetric and pos",
    ),
    (
        "copula.correlation",
        [[1, 0.5, 0], [0.4, 1, 0], [0, 0, 1]],
        r"copula.correlation: must be symmetric",
    ),
    ("copula.correlation", [[1, 0.5], [1]], r"copula.correlation: must be as many rows as columns"),
    ("copula.probs", [[0.2, 0.4]], r"copula.probs\[0\]: must be 3 probabilities between 0 and 1"),
    (
        "copula.probs",
        [[0.2, 0.4, 1.0]],
        r"copula.probs\[0\]: must be 3 probabilities between 0 and 1",
    ),
]


@pytest.mark.parametrize(("key", "value", "says"), MANY)
def test_what_is_too_much_or_contradicts_itself_is_named(key: str, value: Any, says: str) -> None:
    raw = unshared(read("test"))
    path = ("experiments", *key.split("."))
    parent(raw, path)[path[-1]] = value
    clock = time.process_time()
    with pytest.raises(ConfigError, match=says):
        configuration.load(raw, ROOT)
    assert time.process_time() - clock < SECONDS


@pytest.mark.parametrize("key", ["results", "settings_table", "settings_as_run", "dataset.root"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "-x",
        "~nobody-of-this-name/x",
        "a\0b",
        "a\nb",
        "x\n",
        "{x}",
        "x" * 64,
        "x/" * 101,
        "\x7f",
    ],
)
def test_no_path_can_pass_for_something_else(key: str, path: str) -> None:
    raw = unshared(read("test"))
    parent(raw, tuple(key.split(".")))[key.split(".")[-1]] = path
    with pytest.raises(ConfigError, match=key):
        configuration.load(raw, ROOT)


def test_a_tilde_in_a_path_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every key that is a path, and of every argument of a command that is one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    raw = unshared(read("test"))
    shutil.copyfile(ROOT / raw["settings_table"], tmp_path / "table.csv")
    merge(
        raw,
        {"results": "~/results", "settings_table": "~/table.csv", "dataset": {"root": "~/data"}},
    )
    config = configuration.load(raw, ROOT)
    assert config.folder == tmp_path / "results/test"
    assert config.dataset.folder == tmp_path / "data"
    for words in (
        ["plan", "--config=~/a.yaml", "--project=~/p"],
        ["merge", "--config=~/a.yaml", "--project=~/p", "~/into", "~/from"],
        ["report", "--config=~/a.yaml", "--project=~/p", "--published=~/published"],
        ["diff", "--project=~/p", "~/a", "~/b", "--out=~/c"],
    ):
        found = [
            one for value in vars(cli.parser().parse_args(words)).values() for one in listed(value)
        ]
        paths = [one for one in found if isinstance(one, Path)]
        assert len(paths) == sum("~" in word for word in words)
        assert all(path.parent == tmp_path for path in paths), paths
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["plan", "--project=~nobody-of-this-name"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"threads": "2"}, {"threads": 2}),
        ({"a": ["1", "0.5", "1e-3", ".5", "-1"]}, {"a": [1, 0.5, "1e-3", 0.5, -1]}),  # as in a file
        (
            {"a": "null", "b": "true", "c": "no", "d": "~"},
            {"a": None, "b": True, "c": False, "d": None},
        ),
        (
            {"a": {"b": "8x4", "c": "a: b", "d": "[1]", "e": ""}},
            {"a": {"b": "8x4", "c": "a: b", "d": "[1]", "e": None}},
        ),
        ({"a": 1, "b": 2.5, "c": None}, {"a": 1, "b": 2.5, "c": None}),
    ],
)
def test_nested_text_of_the_command_line_is_what_a_file_would_say(text: Any, expected: Any) -> None:
    assert typed(text) == expected


@pytest.mark.parametrize(
    "scale", ["..", ".", "a/b", "/a", "a\\b", "a b", "a;b", "quick\n", "a" * 41, "A", "-a", ""]
)
def test_a_scale_is_one_plain_folder(scale: str) -> None:
    with pytest.raises(ConfigError, match="scale: must be"):
        configuration.load({**unshared(read("test")), "scale": scale}, ROOT)


BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30))]
)
DOCUMENTS: list[tuple[bytes, str]] = [
    (b"scale: \xff\xfe", "not readable as UTF-8 YAML"),
    ("scale: quick".encode("utf-16"), "not readable as UTF-8 YAML"),
    (b"scale: a\0b", "not readable as UTF-8 YAML"),
    (b"scale: !!python/object/apply:os.system ['touch x']", "python/object/apply:os.system"),
    (b"scale: !!python/name:os.system", "python/name:os.system"),
    (b"scale: !Mine {a: 1}", "!Mine"),
    (b"scale: a\nresults: b\nscale: c", "the key 'scale' appears twice in one mapping"),
    (b"experiments: {elbo: {seeds: 1, seeds: 2}}", "the key 'seeds' appears twice"),
    (b"scale: *nothing", "undefined alias"),
    (b"? [a, b]\n: c", "unhashable key"),
    (b"scale: 2020-13-45", "not readable as UTF-8 YAML"),
    (b"scale: " + b"9" * 5000, "not readable as UTF-8 YAML"),
    (b"scale: " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    (b"scale: [" + b"[" * 30 + b"]" * 30 + b"]", "scale.*: nested more than 12 deep"),
    (b"scale: &a [*a]", "scale.*: nested more than 12 deep"),
    (BOMB.encode(), "a[0-9]+.*: (nested more than 12 deep|the configuration has more than 100,000 entries)"),
    (f"a: &a {[0] * 5000}\nb: [{', '.join(['*a'] * 5000)}]".encode(), "b.*100,000"),
    (b"scale: 2020-01-01", "scale: must be text, a number, .*; got a date"),
    (b"scale: !!binary aGk=", "scale: must be text, a number, .*; got a bytes"),
    (b"scale: !!set {a, b}", "scale: must be text, a number, .*; got a set"),
    (b'scale: "\\ud800"', "scale: must be one line of readable characters"),
    (b"yes: 1", "configuration: the key True must be text"),
    (b"dataset: {1: 2}", "dataset: the key 1 must be text"),
    (b"dataset: {train_images: 1e999}", "dataset: .*|train_images"),
    (b"- 1", "configuration: must be of type object; got"),
    (b"", "configuration: must be of type object; got None"),
    (b"x: " + b"y" * 100_000, "x: must be at most 1000 characters long"),
    (b"x" * 1000 + b": y", "unknown key|not readable"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "says"), DOCUMENTS)
def test_strange_documents_are_refused_quickly(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "strange.yaml"
    path.write_bytes(content)
    clock = time.process_time()
    with pytest.raises(ConfigError, match=says) as caught:
        configuration.load(read_yaml(path), ROOT)
    assert time.process_time() - clock < SECONDS
    assert len(str(caught.value)) < 4000
    assert [entry.name for entry in tmp_path.iterdir()] == ["strange.yaml"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not readable"):
        read_yaml(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "table", ["/dev/zero", "report", "report/reference", "README.md", "nowhere.csv"]
)
def test_a_settings_table_is_a_table(table: str) -> None:
    with pytest.raises(ConfigError, match=r"settings_table: .* is not a readable table"):
        configuration.load({**unshared(read("test")), "settings_table": table}, ROOT)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            "ST,8x4,SGD,0.1,1.0,",
            "settings_table.ST.8x4.optimizer: must be 'Adam' or 'RAdam'; got 'SGD'",
        ),
        ("ST,8x4,Adam,-0.1,1.0,", "settings_table.ST.8x4.learning_rate: must be > 0; got -0.1"),
        (
            "ST,8x4,Adam,nan,1.0,",
            "settings_table.ST.8x4.learning_rate: must be a finite number; got nan",
        ),
        ("ST,8x4,Adam,0.1,inf,", "settings_table.ST.8x4.tau: must be a finite number; got inf"),
        ("ST,8x4,Adam,fast,1.0,", "settings_table: .* is not a readable table"),
        ("ST,8x4,Adam", "settings.ST.8x4: learning_rate, tau missing in settings_table and here"),
        (f"ST,8x4,{'x' * 200_000},0.1,1.0,", "settings_table: .* is not a readable table"),
    ],
)
def test_what_the_settings_table_says_is_checked(tmp_path: Path, row: str, says: str) -> None:
    (tmp_path / "t.csv").write_text(
        f"estimator,latent,optimizer,learning_rate,temperature,eta\n{row}\n"
    )
    raw = unshared(read("test"))
    raw["settings_table"] = str(tmp_path / "t.csv")
    raw["experiments"]["elbo"] |= {"estimators": ["ST"], "latent_shapes": ["8x4"]}
    with pytest.raises(ConfigError, match=says):
        configuration.load(raw, ROOT)
