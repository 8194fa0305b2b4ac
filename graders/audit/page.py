"""An audit as one HTML file that needs nothing else."""

from jinja2 import Environment, PackageLoader

from graders.audit.audit import Audit
from graders.checks.false_alarms import HEADINGS, Table
from graders.manifest import Manifest


def page(audit: Audit, manifest: Manifest, alarms: Table | None) -> str:
    """The page's text. What comes from the banks is escaped."""
    environment = Environment(loader=PackageLoader("graders.audit", "."), autoescape=True, trim_blocks=True)
    return environment.get_template("page.html").render(
        audit=audit, manifest=manifest, alarms=alarms, headings=HEADINGS
    )
