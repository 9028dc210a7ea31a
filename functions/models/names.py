"""What the modules of a model are called in files of others: LDM names of an SDXL U-Net, native names of Wan.

Each table maps a pattern of our (diffusers) module names to the published one; both are facts of the published files.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

Names = Iterable[str]
_RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
)
_UNET_ENDS = (
    ("conv_in", "input_blocks.0.0"),
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("mid_block.resnets.0", "middle_block.0"),
    ("mid_block.attentions.0", "middle_block.1"),
    ("mid_block.resnets.1", "middle_block.2"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
)
_WAN = (
    (r"condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
    (r"condition_embedder\.text_embedder\.linear_2", "text_embedding.2"),
    (r"condition_embedder\.time_embedder\.linear_1", "time_embedding.0"),
    (r"condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
    (r"condition_embedder\.time_proj", "time_projection.1"),
    (r"condition_embedder\.image_embedder\.norm1", "img_emb.proj.0"),
    (r"condition_embedder\.image_embedder\.ff\.net\.0\.proj", "img_emb.proj.1"),
    (r"condition_embedder\.image_embedder\.ff\.net\.2", "img_emb.proj.3"),
    (r"condition_embedder\.image_embedder\.norm2", "img_emb.proj.4"),
    (r"proj_out", "head.head"),
    (r"scale_shift_table", "head.modulation"),
    (r"(blocks\.\d+)\.scale_shift_table", r"\1.modulation"),
    (r"(blocks\.\d+)\.attn1\.to_([qkv])", r"\1.self_attn.\2"),
    (r"(blocks\.\d+)\.attn1\.to_out\.0", r"\1.self_attn.o"),
    (r"(blocks\.\d+)\.attn1\.norm_([qk])", r"\1.self_attn.norm_\2"),
    (r"(blocks\.\d+)\.attn2\.to_([qkv])", r"\1.cross_attn.\2"),
    (r"(blocks\.\d+)\.attn2\.to_out\.0", r"\1.cross_attn.o"),
    (r"(blocks\.\d+)\.attn2\.norm_([qk])", r"\1.cross_attn.norm_\2"),
    (r"(blocks\.\d+)\.attn2\.add_([kv])_proj", r"\1.cross_attn.\2_img"),
    (r"(blocks\.\d+)\.attn2\.norm_added_k", r"\1.cross_attn.norm_k_img"),
    (r"(blocks\.\d+)\.norm2", r"\1.norm3"),
    (r"(blocks\.\d+)\.ffn\.net\.0\.proj", r"\1.ffn.0"),
    (r"(blocks\.\d+)\.ffn\.net\.2", r"\1.ffn.2"),
)


def aliases(modules: Names) -> dict[str, str]:
    """Every name that one of these modules has in published files -> the module: its own, and that of LDM or Wan."""
    modules = list(modules)
    found = {name: name for name in modules}
    for rename in (_ldm(modules), _wan):
        for name in modules:
            if (other := rename(name)) is not None:
                found.setdefault(other, name)
    return found


def wan_native(name: str) -> str | None:
    """The name that a weight or bias of a Wan transformer has in Wan's own files; None for one that has none."""
    module, _, kind = name.rpartition(".")
    other = _wan(module) if kind in {"weight", "bias"} else _wan(name)
    return None if other is None else other if kind not in {"weight", "bias"} else f"{other}.{kind}"


def _wan(name: str) -> str | None:
    for pattern, other in _WAN:
        if (match := re.fullmatch(pattern, name)) is not None:
            return match.expand(other)
    return name if name == "patch_embedding" else None


def _ldm(modules: Names) -> Callable[[str], str | None]:
    """Renames modules of a U-Net; how many layers its blocks have is counted from the names."""
    layers = {int(m[1]) for name in modules if (m := re.match(r"down_blocks\.0\.resnets\.(\d+)\.", name))}
    upper = {m[1] for name in modules if (m := re.match(r"up_blocks\.(\d+)\.attentions\.", name))}
    return partial(_ldm_name, len(layers), frozenset(upper)) if layers else lambda _: None


def _ldm_name(layers: int, attending: frozenset[str], name: str) -> str | None:
    for ours, theirs in _UNET_ENDS:
        if name == ours or name.startswith(f"{ours}."):
            return theirs + _inside(name.removeprefix(ours))
    if (match := re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)(.*)", name)) is not None:
        side, block, part, layer, rest = match.groups()
        at = 1 + int(block) * (layers + 1) + int(layer) if side == "down" else int(block) * (layers + 1) + int(layer)
        where = "input_blocks" if side == "down" else "output_blocks"
        return f"{where}.{at}.{0 if part == 'resnets' else 1}{_inside(rest)}"
    if (match := re.fullmatch(r"down_blocks\.(\d+)\.downsamplers\.0\.conv", name)) is not None:
        return f"input_blocks.{(int(match[1]) + 1) * (layers + 1)}.0.op"
    if (match := re.fullmatch(r"up_blocks\.(\d+)\.upsamplers\.0\.conv", name)) is not None:
        place = 2 if match[1] in attending else 1
        return f"output_blocks.{int(match[1]) * (layers + 1) + layers}.{place}.conv"
    return None


def _inside(rest: str) -> str:
    for ours, theirs in _RESNET:
        if rest == f".{ours}":
            return f".{theirs}"
    return rest


def flat(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name with underscores for dots, name), as kohya's files have them."""
    for name in names:
        yield name.replace(".", "_"), name
