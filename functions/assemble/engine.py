"""The engine that conforms shots, mixes the sound and joins the film."""

from functions.assemble.conform import conform
from functions.assemble.film import film
from functions.assemble.mix import mix
from functions.contract.errors import ContractError
from functions.contract.manifest import EngineManifest
from functions.contract.params import Assemble as AssembleParams
from functions.contract.params import Conform, Mix
from functions.runtime.engine import Job, Outcome


class Assemble:
    """Kinds `conform`, `mix` and `assemble`, on any CPU."""

    def __init__(self, manifest: EngineManifest) -> None:
        self.manifest = manifest

    def run(self, job: Job) -> Outcome:
        """Make every output of the job. Raises a `JobError`."""
        params = job.params
        if isinstance(params, Conform):
            return Outcome(notes=conform(job, params))
        if isinstance(params, Mix):
            return Outcome(notes=mix(job, params))
        if isinstance(params, AssembleParams):
            return Outcome(notes=film(job, params))
        raise ContractError(f"assemble makes no {params.kind}: send it to an engine of that kind")
