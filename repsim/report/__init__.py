"""The report of a study: words, figures and one page, from saved tables only.

Each figure has its own file; `answer` and `cautions` turn the numbers into sentences; `page` puts
them into `page.html.j2`.
"""

from repsim.report.build import build_report, write_files
from repsim.report.facts import StudyFacts

__all__ = ["StudyFacts", "build_report", "write_files"]
