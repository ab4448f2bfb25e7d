"""Results of all jobs in, judged tables out: all that figures and page are made of."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from reinrelax import claims
from reinrelax.claims import findings, history
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.mistakes import Mistakes
from reinrelax.claims.queries import check_table
from reinrelax.config.declared import DEMONSTRATIONS, FILLED_BY
from reinrelax.config.load import AS_RUN, GRADIENTS, Config
from reinrelax.core import files, records
from reinrelax.display.tables import CHECKSUMS
from reinrelax.experiments.cost import tables as cost
from reinrelax.experiments.discrete_vae import beta, early, elbo, grid, readings, selection
from reinrelax.experiments.gradients import tables as gradients
from reinrelax.experiments.policy_gradient import tables as rl
from reinrelax.experiments.relaxed_vae import baseline as baselines
from reinrelax.experiments.relaxed_vae import tables as relaxations
from reinrelax.reporting.verdicts import Records
from reinrelax.results.gather import Gathered, gather, last_rows

CLAIMS = Path("report/claims")
FINDINGS = Path("report/findings.yaml")
# How often judging functions err, measured; `python -m tests.rates` writes it.
RATES = Path("report/rates.csv")
REFERENCES = Path("report/reference")
TABLES = {"table2": "train_nelbo_nats", "table3": "test_nelbo_nats"}


def write_tables(config: Config, root: Path, any_source: bool = False) -> None:
    """Write all tables, as CSV, `claims.json` and `findings.json` to the folder `tables`, and what they were
    judged by, `rules.csv`.

    Jobs that are missing or cannot be read become rows of `jobs.csv` that say so; a table of which nothing
    has been computed is a header.

    Args:
        config: whose results.
        root: the project's folder.
        any_source: whether what an earlier source computed counts, as of published results.

    Raises:
        ConfigError: a claims file or the file of findings is wrong.
        ResultsError: a table cannot be written.
    """
    gathered = gather(config, root, any_source)
    said, amounts = stated(root)
    # Claims on trainings are about Tables 2 and 3: other experiments train the same estimators there.
    evidence = {
        subject: _evidence(gathered.of(f"elbo{elbo.METHODS[method]}"))
        for method, subject in elbo.SUBJECTS.items()
    }
    learned, measured_at, measured_as_run = map(gathered.studied, ("rl", *GRADIENTS))
    scored = rl.scores(learned["episodes"])
    weighted, weighted_as_run, searched = (
        last_rows(gathered.of(name).rows) for name in ("beta", f"beta{AS_RUN}", "grid")
    )
    read = readings.labelled(gathered.of("readings"))
    relaxed = relaxations.labelled(gathered.of("relaxations"))
    begun = gathered.of("early", f"early{AS_RUN}")
    theirs = early.authors(root)
    compared = early.early(begun, theirs)
    points = grid.grid(config, searched, root)
    baseline = baselines.baseline(config.folder / "data")
    tables: dict[str, pd.DataFrame] = {
        "curves": elbo.curves(gathered.of("elbo")),
        "early": compared,
        "early_last": early.last(compared),
        "early_curves": early.curves(begun, theirs),
        "table1": gradients.table1(measured_at, root),
        "table1_run": gradients.table1(measured_as_run, root, gradients.AS_RUN),
        "table4": cost.table4(gathered.studied("cost")["cost"], root),
        "grid": points,
        "table5": grid.table5(config, points, root),
        "selection": selection.selection(root),
        "figure1": gradients.figure1(measured_at),
        "figure1_run": gradients.figure1_run(measured_as_run, root),
        "sweep": gradients.sweep(measured_at),
        "control": gradients.control(measured_at),
        "quadrature": gradients.quadrature(measured_at),
        "example": measured_at["example"],
        "identities": gathered.studied("identities")["identities"],
        "figure2": beta.figure2(weighted, root),
        "figure2_run": beta.figure2(weighted_as_run, root),
        "figure2_minimum": beta.minimum(pd.concat((weighted, weighted_as_run), ignore_index=True)),
        "readings": readings.readings(read, said),
        "readings_curves": readings.curves(read),
        "baseline": baseline,
        "relaxations": relaxations.relaxations(relaxed, _value(baseline, "mean_image_test")),
        "relaxations_curves": relaxations.curves(relaxed),
        "relaxations_learned": relaxations.learned(config, relaxed),
        "rl_scores": scored,
        "rl_summary": rl.summary(scored, root),
        "rl_improvement": rl.improvement(scored),
        "rl_curves": rl.curves(learned["episodes"]),
        "rl_figure3": rl.figure3(learned["episodes"]),
        "rl_gradients": rl.gradients(learned["policy_gradients"]),
        **{
            name: gathered.studied(study)[name]
            for study, one in DEMONSTRATIONS.items()
            for name in one.writes
        },
    }
    measured = Measurements(tables, references(root), FILLED_BY, gathered.plan)
    verdicts = claims.judge_all(
        said,
        {
            **evidence,
            "learning": rl.evidence(scored, gathered.plan),
            "measurements": measured,
        },
    )
    tables |= {name: elbo.judged_table(config, evidence, verdicts, metric) for name, metric in TABLES.items()}
    tables |= {
        "jobs": gathered.plan,
        "rates": _rates(root),
        "rules": history.judged_by(root),
    }
    folder = config.folder / "tables"
    for name, table in tables.items():
        files.write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    lines = Records(config, root, gathered.plan, amounts, published=any_source)
    content = json.dumps([lines.of(verdict) for verdict in verdicts], indent=1, ensure_ascii=False)
    files.write_text(folder / "claims.json", content + "\n")
    found = {verdict.claim.id: verdict.verdict for verdict in verdicts}
    counted = [{**asdict(finding), "verdict": finding.verdict(found)} for finding in amounts]
    files.write_text(folder / "findings.json", json.dumps(counted, indent=1, ensure_ascii=False) + "\n")
    written = [*(f"{name}.csv" for name in tables), "claims.json", "findings.json"]
    records.write(folder / CHECKSUMS, {}, [folder / name for name in written])


def stated(root: Path) -> tuple[list[claims.Claim], list[findings.Finding]]:
    """All claims of a project, and what they amount to.

    Raises:
        ConfigError: a file of them is wrong.
    """
    found = claims.load(root / CLAIMS, claims.SCHEMAS, root)
    with Mistakes() as mistakes:
        for claim in found:
            if claim.query and not claim.query.reference:
                with mistakes:
                    check_table(f"claim {claim.id}", claim.query, FILLED_BY)
    return found, findings.load(root / FINDINGS, found)


def _evidence(trained: Gathered) -> Evidence:
    return Evidence(last_rows(trained.rows), trained.plan)


def references(root: Path) -> dict[str, pd.DataFrame]:
    """The papers' own tables."""
    return {path.stem: pd.read_csv(path) for path in sorted((root / REFERENCES).glob("*.csv"))}


def _rates(root: Path) -> pd.DataFrame:
    """The measured rates of wrong verdicts; a header alone where none have been measured."""
    if (root / RATES).is_file():
        return pd.read_csv(root / RATES)
    return pd.DataFrame(columns=["function", "truth", "wrong", "level", "seeds", "rate", "repeats"])


def _value(table: pd.DataFrame, quantity: str) -> float:
    found = table.loc[table["quantity"] == quantity, "value"]
    return float(found.iloc[0]) if len(found) else float("nan")
