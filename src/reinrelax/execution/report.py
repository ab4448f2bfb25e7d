"""The report of whatever is finished: judged, drawn, exported and written."""

from reinrelax.config.load import Config
from reinrelax.execution import plan
from reinrelax.reporting import collect, exports, figures, page


def build(config: Config, any_source: bool = False) -> None:
    """Make tables, figures and pages; say where the report lies.

    Args:
        config: whose results.
        any_source: whether what an earlier source computed counts, as of published results.
    """
    collect.write_tables(config, config.project, any_source)
    figures.write_figures(config, config.project)
    exports.write_exports(config, config.project)
    pages(config)


def pages(config: Config) -> None:
    """Write the pages of what is collected and drawn; say where the report lies."""
    print(
        "report:"
        f" {page.write_report(config, config.project, plan.estimates(config, config.project))}"
    )
