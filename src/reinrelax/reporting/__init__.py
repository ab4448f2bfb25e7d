"""Tables, figures and pages: they present results and verdicts, but neither compute nor judge."""
