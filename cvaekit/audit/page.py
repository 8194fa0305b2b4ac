"""An audit as one HTML file that needs nothing else."""

from jinja2 import Environment, PackageLoader

from cvaekit.audit.audit import Audit
from cvaekit.statistics.false_alarms import HEADINGS, Table


def page(audit: Audit, alarms: Table | None) -> str:
    """The page's text. What comes from the banks is escaped."""
    environment = Environment(loader=PackageLoader("cvaekit.audit", "."), autoescape=True, trim_blocks=True)
    return environment.get_template("page.html").render(
        audit=audit, assignment=audit.assignment, alarms=alarms, headings=HEADINGS
    )
