"""One training from its checkpoint, or from nothing, to its end."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from functions.contract.job import Note
from functions.contract.params import TrainLora
from functions.models import noise
from functions.models.faces import FaceDetector, Picture
from functions.models.sdxl import weights
from functions.runtime.engine import Job
from functions.train_lora import checkpoint, identity, lessons, lora, samples
from functions.train_lora.checkpoint import Checkpoint
from functions.train_lora.studies import Models, Studies
from functions.train_lora.training import Settings, Trainer

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
CLIP = 1.0
"""Largest norm of the gradients of a step."""


class Course:
    """`digest` names what is trained on: a checkpoint of another training is not taken up."""

    def __init__(
        self,
        job: Job,
        params: TrainLora,
        own: Settings,
        studies: Studies,
        models: Models,
        detector: FaceDetector,
        digest: str,
    ) -> None:
        self.job, self.params, self.own, self.studies = job, params, own, studies
        self.unet, self.vae, self.judge, self.detector = models.unet, models.vae, models.judge, detector
        self.resumed = 0
        self.at = Checkpoint(digest)
        self.best: dict[str, Tensor] = {}
        self.pictures: list[Picture] = []

    def run(self) -> None:
        """Train, and write both outputs."""
        learning = lora.attach(self.unet, self.own.rank, noise.derived_seed(self.own.seed, "pairs"))
        optimiser = checkpoint.optimiser_of(learning, self.unet.device)
        self._resume(optimiser)
        if self.own.frugal and self.unet.device.type == "cuda":
            self.unet.enable_gradient_checkpointing()
        self.unet.train()
        teacher = Trainer(
            self.unet, self.studies.words, self.studies.own, self.studies.prior, weights.schedule(), self.own.seed
        )
        every = lessons.save_every(self.own.steps)
        for step in range(self.at.step, self.own.steps):
            self.job.progress("train", step, self.own.steps)
            loss = self._step(teacher, optimiser, learning, step)
            self.at.step, self.at.losses = step + 1, (*self.at.losses, loss)
            if self.at.step % every == 0 or self.at.step == self.own.steps:
                self._pause(optimiser)
        self._finish()

    def _step(
        self, teacher: Trainer, optimiser: torch.optim.Optimizer, learning: Sequence[nn.Parameter], step: int
    ) -> float:
        for group in optimiser.param_groups:
            group["lr"] = lessons.learning_rate(step, self.own.steps)
        loss = teacher.loss(step)
        nn.utils.clip_grad_norm_(learning, CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return round(loss, 6)

    def _resume(self, optimiser: torch.optim.Optimizer) -> None:
        path = self.job.scratch / CHECKPOINT
        found = checkpoint.read(path, self.at.identity) if self.job.kept(CHECKPOINT, path) else None
        if found is None:
            return
        self.at, self.resumed = found, found.step
        lora.restore(self.unet, found.pairs)
        optimiser.load_state_dict(found.optimiser)
        best = self.job.scratch / BEST
        kept = checkpoint.read(best, self.at.identity) if self.job.kept(BEST, best) else None
        self.best = kept.pairs if kept is not None and kept.step == found.best_step else {}

    def _pause(self, optimiser: torch.optim.Optimizer) -> None:
        """Judge what there is, then put it away."""
        self.at.pairs, self.at.optimiser = lora.learned(self.unet), optimiser.state_dict()
        self._judge()
        path = self.job.scratch / CHECKPOINT
        checkpoint.write(path, self.at)
        self.job.keep(CHECKPOINT, path)

    def _judge(self) -> None:
        self.job.progress("sample", self.at.step, self.own.steps)
        self.unet.eval()
        self.pictures = self._drawn()
        self.unet.train()
        part = self.job.scratch / "part.jpg"
        samples.grid(self.pictures, part)
        part.rename(self.job.scratch / "preview.jpg")
        score = self._score(self.pictures)
        if self.best and (score is None or (self.at.best_score is not None and score <= self.at.best_score)):
            return
        self.best, self.at.best_step, self.at.best_score = self.at.pairs, self.at.step, score
        path = self.job.scratch / BEST
        checkpoint.write(path, Checkpoint(self.at.identity, self.at.step, self.best))
        self.job.keep(BEST, path)

    def _drawn(self) -> list[Picture]:
        seed = noise.derived_seed(self.own.seed, "samples")
        return samples.draw(self.unet, self.vae, self.studies.told, self.own.side, seed, weights.schedule())

    def _score(self, pictures: Sequence[Picture]) -> float | None:
        if self.studies.heads is None:
            return None
        found = [(picture, faces[0]) for picture in pictures if (faces := self.detector.find(picture))]
        if not found:
            return None
        heads = identity.embedded(self.judge, [identity.head_of(picture, face) for picture, face in found])
        return round(identity.likeness(heads, self.studies.heads) * len(found) / len(pictures), 4)

    def _finish(self) -> None:
        if self.at.best_score is None:
            self.best, self.at.best_step = self.at.pairs or lora.learned(self.unet), self.at.step
        if not self.pictures or self.at.best_step != self.at.step:
            lora.restore(self.unet, self.best)
            self.unet.eval()
            self.pictures = self._drawn()
        about = {
            "trigger": self.params.trigger,
            "rank": str(self.own.rank),
            "steps": str(self.at.best_step),
            "base": weights.BASE,
        }
        lora.write(self.job.output("lora.safetensors"), self.best, about)
        samples.grid(self.pictures, self.job.output("samples.png"))

    def notes(self) -> list[Note]:
        """What the person should know of the training."""
        tail = self.at.losses[-max(1, len(self.at.losses) // 10) :]
        found = [
            Note(code="steps_kept", detail=f"the pairs of step {self.at.best_step} are kept", value=self.at.best_step),
            Note(code="loss", detail="mean loss of the last tenth of the steps", value=round(sum(tail) / len(tail), 4)),
        ]
        if self.resumed:
            detail = f"an earlier execution had done {self.resumed} steps"
            found.append(Note(code="resumed", detail=detail, value=self.resumed))
        if self.at.best_score is None:
            found.append(
                Note(code="identity_not_measured", detail="no face was found to compare; the last step is kept")
            )
        else:
            detail = "likeness of the samples' faces to the references', -1 to 1"
            found.append(Note(code="identity", detail=detail, value=self.at.best_score))
        return found
