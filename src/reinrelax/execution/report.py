"""Builds the report of all finished jobs: claims, figures, exports and pages."""

from reinrelax.config.load import Config
from reinrelax.execution import estimates
from reinrelax.reporting import collect, exports, figures, page


def build(config: Config, any_source: bool = False) -> None:
    """Build tables, figures and pages, and print the path of the report.

    Args:
        config: the configuration of the results.
        any_source: whether to include results computed by an earlier source, such as published
            ones.
    """
    collect.write_tables(config, config.project, any_source)
    figures.write_figures(config, config.project)
    exports.write_exports(config, config.project)
    pages(config)


def pages(config: Config) -> None:
    """Write the pages from existing tables and figures, and print the path of the report."""
    print(
        "report:"
        f" {page.write_report(config, config.project, estimates.estimates(config, config.project))}"
    )
