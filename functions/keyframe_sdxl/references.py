"""Pictures as models read them: references as the tokens of an IP-Adapter, an earlier picture as a map of depth."""

from collections.abc import Sequence

import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from PIL import Image, ImageOps
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    CLIPVisionModelWithProjection,
    DepthAnythingForDepthEstimation,
    DPTImageProcessor,
)

from functions.keyframe_sdxl.pixels import Picture

HEADROOM = (0.5, 0.2)
"""Where a picture that is not square is cropped, across and down: heads are near the top."""


def tokens(
    pictures: Sequence[Image.Image],
    encoder: CLIPVisionModelWithProjection,
    projection: IPAdapterPlusImageProjection,
    *,
    guided: bool,
) -> Tensor:
    """Tokens of all pictures of one figure together, (1, tokens, channels); before them those of an empty picture where
    the denoising is guided: (2, tokens, channels).
    """
    side = encoder.config.image_size
    reader = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    square = [ImageOps.fit(picture, (min(picture.size),) * 2, centering=HEADROOM) for picture in pictures]
    pixels = reader(square, return_tensors="pt").pixel_values.to(encoder.device, encoder.dtype)
    rows = [torch.zeros_like(pixels), pixels] if guided else [pixels]
    seen = encoder(torch.cat(rows), output_hidden_states=True).hidden_states[-2]
    made: Tensor = projection(seen)
    return made.reshape(len(rows), -1, made.shape[-1])


def depth(picture: Picture, estimator: DepthAnythingForDepthEstimation, reader: DPTImageProcessor) -> Tensor:
    """Inverse depth (rows, columns) of a picture, at the estimator's own size; near is large."""
    pixels = reader(images=Image.fromarray(picture), return_tensors="pt").pixel_values.to(
        estimator.device, estimator.dtype
    )
    found: Tensor = estimator(pixel_values=pixels).predicted_depth[0]
    return found
