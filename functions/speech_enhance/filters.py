"""The engine `speech-enhance-plain`: filters on any CPU, without weights."""

from functions.contract.manifest import EngineManifest
from functions.runtime.engine import Job, Outcome
from functions.speech_enhance.work import filtered, finished, heard


class SpeechPlain:
    """Step kind `speech_enhance`: a high-pass, a gentle equaliser, less steady noise between and under words."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest

    def run(self, job: Job) -> Outcome:
        """Make `line.wav`. Raises `ContractError` for another kind, `InputError` for a sound or a strength that cannot
        be used, `DiskFull`.
        """
        with heard(job, self.manifest.title) as work:
            notes = filtered(job, work, work.strength)
            outcome = finished(job, work)
        outcome.notes += notes
        return outcome
