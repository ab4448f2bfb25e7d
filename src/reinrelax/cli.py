"""The commands of the replication, for users and for the rules of the workflow."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from reinrelax.config import load as configuration
from reinrelax.core.yaml_file import from_yaml, merged, path_of, read_yaml
from reinrelax.errors import ConfigError, ReinrelaxError
from reinrelax.execution.device import device
from reinrelax.execution.memory import out_of_memory


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command; print a ReinrelaxError to standard error and exit with status 1."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ReinrelaxError as error:
        print(f"reinrelax: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has closed the pipe; redirect the output that is flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(prog="reinrelax", description=__doc__)
    commands = found.add_subparsers(required=True, metavar="command")

    def command(name: str, run: object, help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.set_defaults(run=run)
        _in_project(sub)
        sub.add_argument(
            "--config",
            type=_path,
            action="append",
            default=[],
            help=(
                "configuration file; later ones override earlier ones (default: the project's"
                " config.yaml)"
            ),
        )
        sub.add_argument(
            "--only",
            metavar="WHAT",
            default="",
            help=(
                "restrict the plan, in the syntax of the key `only`: experiments: [elbo], shapes:"
                " [8x4]"
            ),
        )
        return sub

    command("data", _data, "verify or download the images, and prepare them")
    compute = command("compute", _compute, "compute one planned job: train a cell, or run a study")
    compute.add_argument(
        "--job", required=True, help="name of the job, such as elbo/8x4/ReinMax or identities"
    )
    compute.add_argument("--fingerprint", help="stop if the job has another fingerprint than this")
    plan = command("plan", _plan, "show what would run, with an estimate of the time")
    plan.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, help="cores to plan for (default: all)"
    )
    status = command(
        "status",
        _status,
        "show the jobs done, running and left, the time to the end, and the disk use",
    )
    status.add_argument(
        "--cores",
        type=int,
        default=os.cpu_count() or 1,
        help="cores to plan for while no run is active (default: all)",
    )
    command(
        "claims",
        _claims,
        "check the claims and findings, without results; report all errors at once",
    )
    command("judge", _judge, "collect the tables of finished jobs and judge the claims")
    command("draw", _draw, "draw the figures from the collected tables")
    command("render", _render, "render the report from the collected tables and the figures")
    command(
        "export",
        _export,
        "export the collected tables for papers (LaTeX) and for GitHub (Markdown)",
    )
    report = command(
        "report", _report, "judge, draw, export and render the results of all finished jobs"
    )
    report.add_argument(
        "--published",
        type=_path,
        metavar="FOLDER",
        help="report the results published in this folder, such as published/paper",
    )
    command(
        "publish",
        lambda options: _pack(_config(options)),
        "pack finished results into published/<scale>, to be kept with the project",
    )
    campaign = command(
        "campaign", _campaign, "run a scale in stages, report and publish its results"
    )
    campaign.add_argument("--hours", type=_time("hours"), help="finish within this number of hours")
    campaign.add_argument(
        "--cores", type=_cores, default="all", help="as for snakemake (default: all)"
    )
    merge = command(
        "merge", _merge_folders, "copy finished results from other folders into one folder"
    )
    merge.add_argument(
        "into", type=_path, metavar="INTO", help="the target folder, such as results/paper"
    )
    merge.add_argument(
        "folders",
        type=_path,
        metavar="FROM",
        nargs="+",
        help="folders of the same scale, or published ones",
    )
    verify = command(
        "verify", _verify, "retrain the first epochs of published results and compare them"
    )
    verify.add_argument(
        "--published",
        type=Path,
        metavar="FOLDER",
        help="published results (default: published/<scale>)",
    )
    verify.add_argument(
        "--minutes",
        type=_time("minutes"),
        default=10.0,
        help="time for as many epochs as fit (default: 10)",
    )
    verify.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, help="cores (default: all)"
    )
    recompute = command(
        "recompute", _recompute, "retrain one cell and compare it with its stored results"
    )
    recompute.add_argument(
        "cell", metavar="CELL", help="experiment/shape/estimator; its results are kept"
    )
    clean = command(
        "clean", _clean, "list results and checkpoints that the configuration does not request"
    )
    clean.add_argument(
        "--remove", action="store_true", help="remove them, and list what was removed"
    )
    diff = commands.add_parser(
        "diff", help="write a page of the differences between two results folders"
    )
    diff.set_defaults(run=_diff)
    _in_project(diff)
    diff.add_argument(
        "before", type=_path, metavar="A", help="a results folder, such as results/quick"
    )
    diff.add_argument("after", type=_path, metavar="B", help="another results folder")
    diff.add_argument("--out", type=_path, help="page to write (default: diff.html next to A)")
    return found


def _in_project(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--project",
        type=_path,
        default=Path(),
        metavar="FOLDER",
        help="folder that contains `workflow` and `report` (default: the working directory)",
    )


def _path(text: str) -> Path:
    """Expand a leading `~`, which the shell does not expand in `--option=~/folder` or from make."""
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
        f"images: {prepared.name}, {len(prepared.train):,} for training, {len(prepared.test):,} for"
        " testing"
    )


def _compute(options: argparse.Namespace) -> None:
    from reinrelax.jobs.planned import find

    config = _config(options)
    job = find(config, options.job)
    _require(options.fingerprint, job.fingerprint, job.name)
    with out_of_memory(job.name), device(config.machine, job.on_gpu) as where:
        from reinrelax.experiments.compute import compute

        line = compute(job, config, where)
    for stream in (sys.stderr, sys.stdout):  # the job's log, and what the workflow says
        print(line, file=stream)


def _require(asked: str | None, found: str, name: str) -> None:
    if asked and asked != found:
        raise ConfigError(
            f"{name}: configuration or source changed after the job was planned; run snakemake"
            " again"
        )


def _plan(options: argparse.Namespace) -> None:
    from reinrelax.claims import power
    from reinrelax.execution import estimates

    config = _config(options)
    print(estimates.describe(config, options.cores, options.project), flush=True)
    if likely := power.describe(config, options.project):
        print(likely)


def _status(options: argparse.Namespace) -> None:
    from reinrelax.execution import status

    print(status.describe(_config(options), options.cores, options.project))


def _merge_folders(options: argparse.Namespace) -> None:
    from reinrelax.results import merge

    print(merge.merge(_config(options).whole, options.into, options.folders).describe())


def _pack(config: configuration.Config) -> None:
    from reinrelax.experiments.relaxed_vae import baseline
    from reinrelax.results import published

    config = config.whole  # otherwise published results that `only` excludes would be lost
    images = config.folder / "data"
    # Images are not packed. The report needs only their baseline; without images, the published
    # baseline is kept.
    text = (
        baseline.baseline(images).to_csv(index=False) if (images / "data.json").exists() else None
    )
    beside = {Path("data", baseline.FILE): text}
    print(
        published.publish(
            config, config.project / published.FOLDER / config.scale, beside
        ).describe()
    )


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
            f"{cell.name} is not a training, so there is nothing to compare; name a cell, such as"
            " elbo/8x4/ReinMax"
        )
    with out_of_memory(cell.name), device(config.machine) as where:
        comparison = recompute(config, cell, where)
    _say(comparison.describe())
    if comparison.differing:
        raise ReinrelaxError(f"{cell.name} differs; its results in {config.folder} are unchanged")


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
    outcome = campaign.run(
        config, options.config, options.cores, options.hours, _say, options.project
    )
    if outcome.interrupted:
        raise ReinrelaxError("interrupted; run the same command again to resume")
    report.build(config)
    if outcome.left:
        _say(
            "remaining: " + "; ".join(f"{stage.name} ({len(stage.jobs)})" for stage in outcome.left)
        )
    if outcome.out_of_time:
        _say("the time is up; run the same command again to resume")
    _pack(config)
    if outcome.failed:
        raise ReinrelaxError(
            f"jobs failed in {', '.join(outcome.failed)}; their logs are named above"
        )


def _say(line: str) -> None:
    """Print a line and flush it, so that it stays in order with the output of the workflow."""
    print(line, flush=True)


def _time(unit: str) -> Callable[[str], float]:
    """Return a parser of a positive number of this unit."""

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
    print(f"{len(claims)} claims and {len(findings)} findings: no errors")


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
