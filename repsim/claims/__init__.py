"""Claims of papers, judged by the tables of a study: one file for each paper.

A further paper is one more module with `CLAIMS`, a tuple of `Claim`; it is found by its file name.
A study lists papers (``claims = ["morcos2018"]``), or such a tuple as ``package.module:name``.
"""

from collections.abc import Sequence

from repsim.claims.claim import Claim, Evidence, Judged, Verdict, as_claims
from repsim.registry import Registry, load_dotted

__all__ = ["PAPERS", "Claim", "Evidence", "Judged", "Verdict", "judged", "load_claims"]

PAPERS: Registry[Sequence[Claim]] = Registry(
    kind="paper with claims",
    package=__name__,
    offered=lambda name, module: {name: module.CLAIMS} if hasattr(module, "CLAIMS") else {},
)


def load_claims(name: str) -> Sequence[Claim]:
    """The claims of a paper.

    Raises
    ------
    StudyError
        For a name that is not known, or an object that is no tuple of claims.

    Examples
    --------
    >>> [claim.number for claim in load_claims("wang2018")]
    ['A-1', 'A-2', 'A-3', 'A-4', 'A-5']
    """
    path = PAPERS.path_of(name)
    return PAPERS[name] if path is None else as_claims(load_dotted(path, "claims"), name)


def judged(papers: Sequence[str], evidence: Evidence) -> tuple[Verdict, ...]:
    """The verdict on every claim of the papers, in their order."""
    return tuple(claim.verdict(paper, evidence) for paper in papers for claim in load_claims(paper))
