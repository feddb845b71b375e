"""What a failed download means, in words, and what to do about it. For prepare.py."""

from __future__ import annotations

import errno

from .errors import InputError, ModelError, RunnerError

TOKEN = (
    "log in to the hub, accept the model's terms on its page if it has any, make a token in your account's "
    "settings, and run it again with HF_TOKEN=… in the environment (or `hf auth login` once)"
)


def explained(error: Exception, name: str) -> RunnerError:
    """The error as one of ours; what is nobody's fault but the program's is raised as it came."""
    import httpx2
    from huggingface_hub import errors

    if isinstance(error, RunnerError):
        return error
    if isinstance(error, errors.HFValidationError):
        return InputError("ER_INPUT", f"{name} can't be a model of the hub: {error}")
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return explained(error.__cause__, name)
    if isinstance(error, errors.HfHubHTTPError):
        return _refused(error, name)
    if isinstance(error, (httpx2.TransportError, errors.LocalEntryNotFoundError)):
        return ModelError(
            "ER_MODEL_LOAD",
            f"The hub could not be reached, or the connection broke ({type(error).__name__}: "
            f"{str(error)[:200]}). Check the network, the proxy and HF_ENDPOINT, and run it again: it goes "
            f"on with {name} where it stopped",
        )
    if isinstance(error, OSError):
        return _disk(error, name)
    raise error


def _refused(error: Exception, name: str) -> RunnerError:
    """An answer of the hub other than the file. The order counts: a gated one is also one not found."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ModelError("ER_MODEL_LOAD", f"{name} is for those who have accepted its terms: {TOKEN}")
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError("ER_UNKNOWN_MODEL", f"{name} is on the hub, but that revision of it is not")
    if isinstance(error, errors.RepositoryNotFoundError):
        return InputError("ER_UNKNOWN_MODEL", f"The hub has no model {name}; if it is a private one, {TOKEN}")
    status = error.response.status_code
    if status in (401, 403):
        return ModelError("ER_MODEL_LOAD", f"The hub refuses {name} (HTTP {status}): {TOKEN}")
    return ModelError("ER_MODEL_LOAD", f"The hub answers HTTP {status} for {name}; run it again later")


def _disk(error: OSError, name: str) -> RunnerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            "ER_MODEL_LOAD",
            "The disk is full. Make room, or set HF_HOME to a folder on another disk, and run it again: it "
            f"goes on with {name} where it stopped",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        code = errno.errorcode[error.errno]
        return ModelError(
            "ER_MODEL_LOAD", f"Can't write to {error.filename} ({code}); set HF_HOME to a folder of yours"
        )
    return ModelError("ER_MODEL_LOAD", f"{name} could not be fetched: {str(error)[:400]}")
