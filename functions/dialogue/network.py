"""The network of a Piper voice, made ready once: patched, optimised for this machine, and kept as files that are mapped
into memory.

The exported network draws its own noise inside the graph, unseeded. Here that noise becomes two inputs, so the same
line sounds the same in every process while its prosody stays alive. Making it ready takes seconds and hundreds of
megabytes, so a child process does it: `python -m functions.dialogue.network VOICE FOLDER`.
"""

import fcntl
import hashlib
import platform
import shutil
import sys
import zlib
from importlib import metadata
from pathlib import Path
from typing import Any

import onnxruntime

from functions.media.disk import writing
from functions.runtime.engine import Job

GRAPH, WEIGHTS, SUMS = "graph.onnx", "weights.bin", "sums"
PATCH = "1"
"""Counts what is done to a network beyond what the libraries' versions say."""
SMALLEST = "1024"
"""Bytes from which a tensor lies outside the graph, where it is mapped instead of read."""
THREADS = 2
"""Fixed, so that sums are taken in one order on every machine."""
NOISE = "noise_"
LIBRARIES = ("onnxruntime", "onnx", "piper-tts")


def session(voice: Path, job: Job) -> onnxruntime.InferenceSession:
    """The network of a voice file, from the job's cache; made ready and put there where it is not.

    Raises `EngineError`, `StorageError`.
    """
    name, suited = _digest(voice), _machine()
    folder = job.cache / f"voice-{name}-{suited}"
    with (job.cache / "voice.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _whole(folder):
            for outdated in job.cache.glob(f"voice-{name}-*"):
                shutil.rmtree(outdated)
            _make(voice, folder, job)
    options = options_for(onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    return onnxruntime.InferenceSession(str(folder / GRAPH), options, ["CPUExecutionProvider"])


def noises(network: onnxruntime.InferenceSession) -> list[str]:
    """The inputs that take noise, in the order of the graph."""
    return [each.name for each in network.get_inputs() if each.name.startswith(NOISE)]


def _digest(voice: Path) -> str:
    """BLAKE2b of a voice file, which is twice as quick as SHA-256 where the processor has no instruction for that."""
    with voice.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _machine() -> str:
    """Names all that has a say in how a network is optimised: versions, and what the processor can do."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text("utf-8", "replace").splitlines() if about.is_file() else []
    able = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    told = (PATCH, *map(metadata.version, LIBRARIES), platform.machine(), able)
    return hashlib.blake2b("\0".join(told).encode(), digest_size=8).hexdigest()


def _make(voice: Path, folder: Path, job: Job) -> None:
    """Have a child make the network in the job's scratch, then move it to its place."""
    work = job.scratch / folder.name
    work.mkdir()
    job.children.run([sys.executable, "-m", "functions.dialogue.network", str(voice), str(work)])
    with writing(folder):
        shutil.move(work, folder)


def _sum(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return total


def _sums(folder: Path) -> str:
    return " ".join(f"{_sum(folder / name):08x}" for name in (GRAPH, WEIGHTS))


def _whole(folder: Path) -> bool:
    """Whether what was made lies there undamaged. The cache is private to who runs the worker: this finds what a full
    disk or a power cut left, not what an intruder did.
    """
    try:
        return (folder / SUMS).read_text("ascii") == _sums(folder)
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def options_for(level: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    """How a network runs, at this level of optimisation."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = level
    return options


def _noise_as_input(model: Any) -> None:
    """Replace each RandomNormalLike by a slice of a new graph input."""
    from onnx import TensorProto, helper

    for index, node in enumerate([n for n in model.graph.node if n.op_type == "RandomNormalLike"]):
        name = f"{NOISE}{index}"
        zeros = helper.make_tensor(f"{name}_zeros", TensorProto.INT64, [3], [0, 0, 0])
        model.graph.initializer.append(zeros)
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None]))
        shape = helper.make_node("Shape", [node.input[0]], [f"{name}_shape"])
        cut = helper.make_node("Slice", [name, zeros.name, f"{name}_shape"], [node.output[0]])
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        model.graph.node.insert(place, shape)
        model.graph.node.insert(place + 1, cut)


def patched(voice: Path) -> bytes:
    """The network of a voice with its noise as inputs and the length of each phoneme as an output."""
    import onnx
    from piper.patch_voice_with_alignment import add_alignment_output

    model = onnx.load(str(voice))
    add_alignment_output(model)
    _noise_as_input(model)
    network: bytes = model.SerializeToString()
    return network


def make(voice: Path, folder: Path) -> None:
    """Write the network of a voice, ready to be loaded, and the sums of its files."""
    options = options_for(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
    options.log_severity_level = 3  # It warns that the file suits this machine only, which its name says.
    options.optimized_model_filepath = str(folder / GRAPH)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", SMALLEST)
    onnxruntime.InferenceSession(patched(voice), options, ["CPUExecutionProvider"])
    (folder / SUMS).write_text(_sums(folder), "ascii")


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
