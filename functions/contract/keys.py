"""Object keys: where a job may read and write, and nowhere else."""

import re

from functions.contract.errors import KeyRefused

SEGMENT = r"[a-z0-9][a-z0-9_.-]{0,63}"
ARTIFACT = re.compile(rf"artifacts/([0-9a-f]{{2}})/([0-9a-f]{{64}})/([0-9a-z]{{16,40}})/({SEGMENT}(?:/{SEGMENT})?)")
UPLOAD = re.compile(r"uploads/([0-9a-f]{64})\.([a-z0-9]{1,8})")
RESERVED = ("started.json", "result.json", "progress.json", "preview.jpg", "work")


def job_prefix(fingerprint: str, job_id: str) -> str:
    """The folder that belongs to one job, ending in a slash."""
    return f"artifacts/{fingerprint[:2]}/{fingerprint}/{job_id}/"


def artifact_key(fingerprint: str, job_id: str, name: str) -> str:
    """The key of one object of a job."""
    return job_prefix(fingerprint, job_id) + name


def upload_key(sha256: str, suffix: str) -> str:
    """The key of an upload; `suffix` without its dot."""
    return f"uploads/{sha256}.{suffix}"


def check_own(key: str, fingerprint: str, job_id: str) -> None:
    """Refuse a key that is not one object of this very job. Raises `KeyRefused`."""
    match = ARTIFACT.fullmatch(key)
    if match is None or ".." in key or match[1] != match[2][:2]:
        raise KeyRefused(f"{key!r} is not the key of a job's object")
    if match[2] != fingerprint or match[3] != job_id:
        raise KeyRefused(f"{key!r} belongs to another job")


def check_input(key: str, identity: str, sha256: str) -> None:
    """Refuse an input whose key does not follow from its identity. Raises `KeyRefused`."""
    upload = UPLOAD.fullmatch(key)
    if upload is not None:
        if upload[1] != sha256 or identity != f"sha256:{sha256}":
            raise KeyRefused(f"upload {key!r} is not the one its identity names")
        return
    match = ARTIFACT.fullmatch(key)
    if match is None or ".." in key or match[1] != match[2][:2]:
        raise KeyRefused(f"{key!r} is neither an artifact nor an upload")
    if identity != f"fp:{match[2]}/{match[4]}":
        raise KeyRefused(f"artifact {key!r} is not the one its identity names")
