"""Keys lead exactly where they should."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract import keys
from functions.contract.errors import KeyRefused

FP, OTHER, JOB = "ab" * 32, "cd" * 32, "0123456789abcdefgh"
OWN = keys.artifact_key(FP, JOB, "image.png")


def test_layout() -> None:
    assert f"artifacts/ab/{FP}/{JOB}/image.png" == OWN
    assert keys.upload_key("0" * 64, "png") == f"uploads/{'0' * 64}.png"


@pytest.mark.parametrize("name", ["image.png", "result.json", "work/execution-1.json", "dx.wav"])
def test_own_keys_are_accepted(name: str) -> None:
    keys.check_own(keys.artifact_key(FP, JOB, name), FP, JOB)


@pytest.mark.parametrize(
    "key",
    [
        keys.artifact_key(OTHER, JOB, "image.png"),
        keys.artifact_key(FP, "x" * 16, "image.png"),
        keys.artifact_key(FP, JOB, "a/b/c"),
        keys.artifact_key(FP, JOB, "../x"),
        keys.artifact_key(FP, JOB, "a..b"),
        keys.artifact_key(FP, JOB, ".hidden"),
        keys.artifact_key(FP, JOB, ""),
        OWN.replace("artifacts/ab", "artifacts/cd"),
        OWN + "\n",
        "/" + OWN,
        keys.upload_key(FP, "png"),
    ],
)
def test_other_keys_are_not_own(key: str) -> None:
    with pytest.raises(KeyRefused):
        keys.check_own(key, FP, JOB)


def test_inputs_follow_from_their_identity() -> None:
    sha = "1" * 64
    keys.check_input(OWN, f"fp:{FP}/image.png", sha)
    keys.check_input(keys.upload_key(sha, "wav"), f"sha256:{sha}", sha)


@pytest.mark.parametrize(
    ("key", "identity", "sha"),
    [
        (OWN, f"fp:{OTHER}/image.png", "1" * 64),
        (OWN, f"fp:{FP}/clip.mp4", "1" * 64),
        (OWN, f"sha256:{'1' * 64}", "1" * 64),
        (keys.upload_key("1" * 64, "wav"), f"sha256:{'1' * 64}", "2" * 64),
        (keys.upload_key("1" * 64, "wav"), f"sha256:{'2' * 64}", "1" * 64),
        (keys.upload_key("1" * 64, "wav/x"), f"sha256:{'1' * 64}", "1" * 64),
        (f"uploads/../{OWN}", f"fp:{FP}/image.png", "1" * 64),
        ("uploads/x.png", f"sha256:{'1' * 64}", "1" * 64),
    ],
)
def test_other_inputs_are_refused(key: str, identity: str, sha: str) -> None:
    with pytest.raises(KeyRefused):
        keys.check_input(key, identity, sha)


ANYTHING = st.text(st.sampled_from(string.ascii_letters + string.digits + "./\\%_-\0\n ..ａ․"), max_size=40)


@given(ANYTHING)
def test_no_text_below_the_job_leads_out(tail: str) -> None:
    key = keys.job_prefix(FP, JOB) + tail
    try:
        keys.check_own(key, FP, JOB)
    except KeyRefused:
        return
    assert set(key) <= set(string.ascii_lowercase + string.digits + "/._-")
    assert not any(part in {"", ".", ".."} for part in key.split("/"))
