"""Facts of steps as a door would report them, for planning without making anything."""

from control.graph.model import Facts, OutputFacts, Plan, Step
from functions.contract.media import MediaFacts, Word
from functions.contract.params import Dialogue, Score, Sound

WORD_SAMPLES = 18_000


def facts_of(step: Step, word: int = WORD_SAMPLES) -> dict[str, OutputFacts]:
    """Plausible facts of a finished step; spoken words last `word` samples each."""
    media = MediaFacts(type="data")
    if isinstance(step.params, Dialogue):
        words = step.params.text.split()
        length = word * 1000 // step.params.pace
        spans = tuple(Word(text=w, start=i * length, end=(i + 1) * length) for i, w in enumerate(words))
        media = MediaFacts(type="audio", samples=length * len(words), words=spans)
    elif isinstance(step.params, Sound | Score):
        media = MediaFacts(type="audio", samples=step.params.samples)
    return {name: OutputFacts(key=name, sha256="0" * 64, size=1, media=media) for name in step.outputs}


def make_all(plan: Plan, known: Facts) -> dict[str, dict[str, OutputFacts]]:
    """The facts after every step whose fingerprint is known, and whose inputs exist, was made."""
    found = {fp: dict(outputs) for fp, outputs in known.items()}
    for step in plan.steps:
        needs = [plan.step(path).fingerprint for path in step.needs]
        if step.fingerprint and all(fp in found for fp in needs):
            found.setdefault(step.fingerprint, facts_of(step))
    return found
