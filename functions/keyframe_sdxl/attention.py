"""Cross-attention to more than one prompt: words of regions, and reference pictures, each where its mask lets it.

Decoupled image attention: Ye et al., "IP-Adapter" (2023), equation 5.
"""

from typing import NamedTuple

import torch
from diffusers import UNet2DConditionModel
from diffusers.image_processor import IPAdapterMaskProcessor
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional


class Region(NamedTuple):
    """Words that act where `mask` (1, rows, columns; 0 to 1) is, instead of the picture's own."""

    words: Tensor
    mask: Tensor


class Reference(NamedTuple):
    """A figure's pictures as tokens (batch, tokens, channels), how strongly they act, and where (None: everywhere)."""

    tokens: Tensor
    scale: float
    mask: Tensor | None = None


class Condition(NamedTuple):
    """What the UNet is given in place of `encoder_hidden_states`."""

    words: Tensor
    regions: tuple[Region, ...] = ()
    references: tuple[Reference, ...] = ()


class CrossAttention(nn.Module):
    """The attention of one layer to a `Condition`. `to_k_ip` and `to_v_ip` project the tokens of references."""

    def __init__(self, inner: int, channels: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(channels, inner, bias=False)
        self.to_v_ip = nn.Linear(channels, inner, bias=False)

    def forward(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Condition,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """As diffusers calls attention processors; SDXL's layers have no norms or residuals of their own."""
        query = _split(attn.to_q(hidden_states), attn.heads)
        seen = self._words(attn, query, encoder_hidden_states)
        for reference in encoder_hidden_states.references:
            keys, values = self.to_k_ip(reference.tokens), self.to_v_ip(reference.tokens)
            shown = reference.scale * _attend(query, keys, values, attn.heads)
            seen = seen + (shown if reference.mask is None else shown * _at(reference.mask, shown))
        out: Tensor = attn.to_out[1](attn.to_out[0](seen))
        return out

    @staticmethod
    def _words(attn: Attention, query: Tensor, condition: Condition) -> Tensor:
        seen = _attend(query, attn.to_k(condition.words), attn.to_v(condition.words), attn.heads)
        everywhere = seen
        for region in condition.regions:
            own = _attend(query, attn.to_k(region.words), attn.to_v(region.words), attn.heads)
            seen = seen + (own - everywhere) * _at(region.mask, own)
        return seen


def install(unet: UNet2DConditionModel, weights: dict[str, Tensor]) -> None:
    """Give every cross-attention of the UNet a `CrossAttention` with the weights of an IP-Adapter file, whose
    `ip_adapter.N.*` are counted over all attention layers. Raises `KeyError` for a layer that the file lacks.
    """
    with torch.device("meta"):
        processors = {
            name: CrossAttention(
                unet.get_submodule(name.removesuffix(".processor")).inner_dim, unet.config.cross_attention_dim
            )
            if name.endswith("attn2.processor")
            else AttnProcessor2_0()
            for name in unet.attn_processors
        }
    for number, processor in enumerate(processors.values()):
        if isinstance(processor, CrossAttention):
            own = {f"{to}.weight": weights[f"{number}.{to}.weight"] for to in ("to_k_ip", "to_v_ip")}
            processor.load_state_dict({k: v.to(unet.device, unet.dtype) for k, v in own.items()}, assign=True)
    unet.set_attn_processor(processors)


def _attend(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    out = functional.scaled_dot_product_attention(query, _split(keys, heads), _split(values, heads))
    return out.transpose(1, 2).flatten(2)


def _split(states: Tensor, heads: int) -> Tensor:
    return states.view(len(states), -1, heads, states.shape[-1] // heads).transpose(1, 2)


def _at(mask: Tensor, states: Tensor) -> Tensor:
    """A mask (1, rows, columns) at the places of a layer's states: (1, places, 1)."""
    placed: Tensor = IPAdapterMaskProcessor.downsample(mask, 1, states.shape[1], 1)
    return placed.to(states.dtype)
