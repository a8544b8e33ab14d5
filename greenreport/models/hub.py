"""What the model hub says: the commits of repositories, and its refusals in words of greenreport."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from greenreport.errors import ModelUnavailable

COMMIT = re.compile(r"[0-9a-f]{40}")


@contextmanager
def refusals(repository: str, revision: str | None, remedy: str, absent: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into `ModelUnavailable`.

    Args:
        remedy: what else helps, at the end of a sentence.
        absent: what is missing where the hub cannot be reached, as a clause.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise ModelUnavailable(
            f"{repository} is gated", f"accept its terms on the hub and log in with `hf auth login`{remedy}"
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelUnavailable(f"{repository} has no revision {revision!r}") from None
    except errors.RepositoryNotFoundError:
        raise ModelUnavailable(f"the hub has no repository {repository}, or it is private") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, OSError):
        raise ModelUnavailable(absent, f"connect once{remedy}") from None


def commit_of(repository: str, revision: str | None) -> str:
    """Return the commit that a revision of a repository is now; of its main branch where none is named.

    Raises:
        ModelUnavailable: the hub does not tell it.
    """
    from huggingface_hub import HfApi

    with refusals(repository, revision, " and try again", f"the hub cannot be reached for {repository}"):
        commit: str | None = HfApi().model_info(repository, revision=revision, timeout=30).sha
    if commit is None or not COMMIT.fullmatch(commit):
        raise ModelUnavailable(f"the hub names no commit of {repository}")
    return commit
