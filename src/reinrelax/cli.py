"""The command line: one command a Snakemake rule, and those that a person calls."""

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from reinrelax.config import load as configuration
from reinrelax.core.document import from_yaml, merged, path_of, read_yaml
from reinrelax.errors import ConfigError, ReinrelaxError
from reinrelax.execution.device import device

# torch on a CPU, torch on a GPU, C++, and the loader of a library.
_OUT_OF_MEMORY = re.compile("allocate memory|out of memory|bad_alloc|failed to map segment", re.IGNORECASE)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command; a user's error ends with one message on standard error and status 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ReinrelaxError as error:
        print(f"reinrelax: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has gone; what would still be flushed at exit has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reinrelax", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: object, help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.set_defaults(run=run)
        _in_project(sub)
        sub.add_argument(
            "--config",
            type=_path,
            action="append",
            default=[],
            help="configuration files, later ones over earlier ones (default: the project's config.yaml)",
        )
        sub.add_argument(
            "--only",
            metavar="WHAT",
            default="",
            help="some of what is planned, as the key `only`: experiments: [elbo], shapes: [8x4]",
        )
        return sub

    command("data", _data, "verify or fetch the images and prepare them")
    compute = command("compute", _compute, "compute one planned job: train a cell, or run a study")
    compute.add_argument("--job", required=True, help="its name, such as elbo/8x4/ReinMax or identities")
    compute.add_argument("--fingerprint", help="stop if the job is not the one that was asked for")
    plan = command("plan", _plan, "what would run, and an estimate of the time")
    plan.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, help="cores to plan for (default: all)"
    )
    command("claims", _claims, "check the claims and findings, without results: all mistakes at once")
    command("judge", _judge, "collect the tables of what is finished and judge the claims")
    command("draw", _draw, "draw the figures of what is collected")
    command("render", _render, "render the report of what is collected and drawn")
    command("export", _export, "the tables that are collected, for a paper (LaTeX) and for GitHub (Markdown)")
    report = command(
        "report", _report, "judge, draw, export and render: the report of whatever is finished by now"
    )
    report.add_argument(
        "--published",
        type=_path,
        metavar="FOLDER",
        help="of results that were published there, such as published/paper",
    )
    command(
        "publish",
        lambda options: _pack(_config(options)),
        "pack what is finished into published/<scale>, to be kept with the project",
    )
    campaign = command("campaign", _campaign, "compute all of a scale in stages, report and publish it")
    campaign.add_argument("--hours", type=_time("hours"), help="stop in time to be done within so many hours")
    campaign.add_argument("--cores", type=_cores, default="all", help="as for snakemake (default: all)")
    merge = command("merge", _merge_folders, "bring finished results of other machines' folders into one")
    merge.add_argument("into", type=_path, metavar="INTO", help="a results folder, such as results/paper")
    merge.add_argument(
        "folders", type=_path, metavar="FROM", nargs="+", help="of the same scale, or published"
    )
    verify = command("verify", _verify, "train the first epochs of published results anew and compare them")
    verify.add_argument(
        "--published", type=Path, metavar="FOLDER", help="where they are (default: published/<scale>)"
    )
    verify.add_argument(
        "--minutes", type=_time("minutes"), default=10.0, help="as many epochs as fit into them (default: 10)"
    )
    verify.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="(default: all)")
    recompute = command("recompute", _recompute, "train one cell anew and compare it with its results")
    recompute.add_argument("cell", metavar="CELL", help="experiment/shape/estimator; its results stay")
    clean = command("clean", _clean, "list what lies in the results that the configuration does not ask for")
    clean.add_argument("--remove", action="store_true", help="remove it, and say what was removed")
    diff = commands.add_parser("diff", help="a page of what differs between two results folders")
    diff.set_defaults(run=_diff)
    _in_project(diff)
    diff.add_argument("before", type=_path, metavar="A", help="a results folder, such as results/quick")
    diff.add_argument("after", type=_path, metavar="B", help="another one")
    diff.add_argument("--out", type=_path, help="the page (default: diff.html beside A)")
    return parser


def _in_project(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--project",
        type=_path,
        default=Path(),
        metavar="FOLDER",
        help="the one of `workflow` and `report` (default: the working directory)",
    )


def _path(text: str) -> Path:
    """A leading `~` comes as it is from make, and from `--option=~/folder`."""
    try:
        return path_of("path", text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _config(options: argparse.Namespace) -> configuration.Config:
    asked: dict[str, object] = {}
    for path in options.config or [options.project / "config.yaml"]:
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: must be a mapping of keys; got {type(content).__name__}")
        asked = merged(asked, content)
    if options.only:
        asked = merged(asked, {"only": from_yaml(f"{{{options.only}}}", "only")})
    return configuration.load(asked, options.project)


def _data(options: argparse.Namespace) -> None:
    from reinrelax.datasets import data, images

    config = _config(options)
    prepared = data.prepare(config.dataset)
    images.save(prepared, config.folder / "data")
    print(
        f"images: {prepared.name}, {len(prepared.train):,} for training, {len(prepared.test):,} for testing"
    )


def _compute(options: argparse.Namespace) -> None:
    from reinrelax.jobs.planned import find

    config = _config(options)
    job = find(config, options.job)
    _require(options.fingerprint, job.fingerprint, job.name)
    with _memory(job.name), device(config.machine, job.on_gpu) as where:
        from reinrelax.experiments.compute import compute

        line = compute(job, config, where)
    for stream in (sys.stderr, sys.stdout):  # the job's log, and what the workflow says
        print(line, file=stream)


def _require(asked: str | None, found: str, name: str) -> None:
    if asked and asked != found:
        raise ConfigError(
            f"{name}: configuration or source changed after the job was planned; run snakemake again"
        )


@contextmanager
def _memory(name: str) -> Iterator[None]:
    """Say what a want of memory can be answered with, whichever of the forms it comes in."""
    try:
        yield
    except (MemoryError, RuntimeError, ImportError) as error:
        if not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(str(error)):
            raise
        raise ReinrelaxError(
            f"{name}: out of memory ({error}). Run fewer jobs at once (--cores), lower "
            "machine.max_replicas_per_job, or on a GPU machine.jobs_per_gpu"
        ) from error


def _plan(options: argparse.Namespace) -> None:
    from reinrelax.claims import power
    from reinrelax.execution import plan

    config = _config(options)
    print(plan.describe(config, options.cores, options.project), flush=True)
    if likely := power.describe(config, options.project):
        print(likely)


def _merge_folders(options: argparse.Namespace) -> None:
    from reinrelax.results import merge

    print(merge.merge(_config(options).whole, options.into, options.folders).describe())


def _pack(config: configuration.Config) -> None:
    from reinrelax.experiments.relaxed_vae import baseline
    from reinrelax.results import published

    config = config.whole  # or what was published and is not asked for would be lost
    images = config.folder / "data"
    # Of the images, which are not packed, the report needs this alone; where they are not, it is kept.
    text = baseline.baseline(images).to_csv(index=False) if (images / "data.json").exists() else None
    beside = {Path("data", baseline.FILE): text}
    print(published.publish(config, config.project / published.FOLDER / config.scale, beside).describe())


def _verify(options: argparse.Namespace) -> None:
    from reinrelax.execution import verify
    from reinrelax.results import published

    config = _config(options)
    folder = options.published or published.FOLDER / config.scale
    outcomes = verify.verify(config, folder, options.minutes, options.cores, _say)
    wrong = [outcome.company.cell.name for outcome in outcomes if outcome.at]
    exact = sum(not outcome.difference for outcome in outcomes)
    if wrong:
        raise ReinrelaxError(f"{len(wrong)} of {len(outcomes)} differ: {', '.join(wrong)}")
    _say(f"all {len(outcomes)} agree, {exact} of them to the last digit")


def _recompute(options: argparse.Namespace) -> None:
    from reinrelax.execution.recompute import recompute
    from reinrelax.jobs.planned import find

    config = _config(options)
    cell = find(config, options.cell)
    if not cell.runs:
        raise ConfigError(
            f"{cell.name} trains nothing that could be compared; name a cell, as elbo/8x4/ReinMax"
        )
    with _memory(cell.name), device(config.machine) as where:
        comparison = recompute(config, cell, where)
    _say(comparison.describe())
    if comparison.differing:
        raise ReinrelaxError(f"{cell.name} differs; what it has in {config.folder} stays as it is")


def _clean(options: argparse.Namespace) -> None:
    from reinrelax.execution import clean

    config = _config(options)
    found = clean.leftovers(config)
    lines = clean.describe(found, removed=options.remove)
    if options.remove:
        clean.remove(config, found)
    print(lines)


def _campaign(options: argparse.Namespace) -> None:
    from reinrelax.execution import campaign, report

    config = _config(options)
    outcome = campaign.run(config, options.config, options.cores, options.hours, _say, options.project)
    if outcome.interrupted:
        raise ReinrelaxError("interrupted; started again, it goes on from there")
    report.build(config)
    if outcome.left:
        _say("left: " + "; ".join(f"{stage.name} ({len(stage.jobs)})" for stage in outcome.left))
    if outcome.out_of_time:
        _say("the time is up; started again, it goes on from there")
    _pack(config)
    if outcome.failed:
        raise ReinrelaxError(f"jobs failed in {', '.join(outcome.failed)}; their logs are named above")


def _say(line: str) -> None:
    """Print at once: what the workflow says between two lines must not come before them."""
    print(line, flush=True)


def _time(unit: str) -> Callable[[str], float]:
    """Reads a positive number of such units."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(
                f"a positive number of {unit} is needed, such as 2 or 0.5; got {text!r}"
            )
        return number

    return read


def _cores(text: str) -> str:
    if text != "all" and not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"a positive number or `all` is needed; got {text!r}")
    return text


def _claims(options: argparse.Namespace) -> None:
    from reinrelax.reporting import collect

    claims, findings = collect.stated(options.project)
    print(f"{len(claims)} claims and {len(findings)} findings: no mistake")


def _judge(options: argparse.Namespace) -> None:
    from reinrelax.reporting import collect

    collect.write_tables(_config(options), options.project)


def _draw(options: argparse.Namespace) -> None:
    from reinrelax.reporting import figures

    figures.write_figures(_config(options), options.project)


def _export(options: argparse.Namespace) -> None:
    from reinrelax.reporting import exports

    exports.write_exports(_config(options), options.project)


def _render(options: argparse.Namespace) -> None:
    from reinrelax.execution import report

    report.pages(_config(options))


def _diff(options: argparse.Namespace) -> None:
    from reinrelax.reporting import difference_page
    from reinrelax.results import packed

    for folder in (options.before, options.after):
        packed.check_links(folder)
    path = options.out or options.before.resolve().parent / "diff.html"
    page = difference_page.write_difference(options.before, options.after, path, options.project)
    print(f"difference: {page}")


def _report(options: argparse.Namespace) -> None:
    from reinrelax.execution import report

    config = _config(options)
    if options.published:
        from reinrelax.results import packed, published

        config = replace(config, results=config.results / published.FOLDER)
        packed.unpack(options.published, config.folder)
    report.build(config, any_source=bool(options.published))
