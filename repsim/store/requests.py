"""Asking a store: once more where an answer broke off, and saying what went wrong."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from repsim.errors import RepsimError, StoreError

__all__ = ["Request", "reason"]

Result = TypeVar("Result")

# Answers that break off are rare. Where one in five does, six in a row are one in 16 000.
TRIES = 6


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a store: for messages, and to be asked again.

    Everything that is asked may be asked twice: a store is read, files are replaced as a whole, and
    what is put on a condition is compared with what is there.
    """

    location: str
    verb: str
    path: str

    def run(self, action: Callable[[], Result]) -> Result:
        """The result of `action`.

        Raises
        ------
        StoreError
            When it fails, for whatever reason.
        """
        tries = 1
        while True:
            try:
                return action()
            except Exception as problem:
                self._give_up(problem, tries)
            tries += 1

    async def run_async(self, action: Callable[[], Awaitable[Result]]) -> Result:
        """As `run`."""
        tries = 1
        while True:
            try:
                return await action()
            except Exception as problem:
                self._give_up(problem, tries)
            tries += 1

    def _give_up(self, problem: Exception, tries: int) -> None:
        """Raise, unless another try is worth it."""
        if isinstance(problem, RepsimError):
            raise problem
        if _was_interrupted(problem) and tries < TRIES:
            return
        # Not `from problem`: its text, which a log would show, may hold more than `reason` tells.
        raise StoreError(
            f"Expected to {self.verb} {self.path!r} in the store {self.location}. Got: "
            f"{reason(problem)}. {self._advice()}; what is finished is kept."
        ) from None

    def _advice(self) -> str:
        if "://" not in self.location:
            return "Check that the disk is there, writable and not full"
        scheme, _, rest = self.location.partition("://")
        advice = f"Check that {rest.partition('/')[0]!r} exists, the credentials and the network"
        if scheme == "s3":
            advice += " (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
        return advice


def reason(problem: Exception) -> str:
    """What went wrong, in one line.

    Of what a server answered only the code and its sentence are kept: some repeat the access key,
    the session token and the signature of the request.
    """
    text = str(problem).partition("\n\nDebug source:")[0]
    said = re.search(r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?", text, re.DOTALL)
    text = re.sub(r"(status code: \d+[\w ]*):.*", r"\1", text, flags=re.DOTALL)
    text = re.sub(r", max_retries: .*?(?= -|$)", "", text)
    if said is not None:
        text += f": {': '.join(part for part in said.groups() if part)}"
    return re.sub(r"://[^/\s@]*@", "://", " ".join(text.split())).rstrip(".")


def _was_interrupted(problem: Exception) -> bool:
    """Whether an answer was lost in a way that obstore does not try again by itself.

    The connection ended in the middle of an answer; or the end of an upload in parts was asked for
    twice, since the first answer was lost, and the upload is over.
    """
    text = str(problem)
    return "response body error" in text or "NoSuchUpload" in text
