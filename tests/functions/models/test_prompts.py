"""Texts before they reach an encoder."""

import pytest
from transformers import CLIPTokenizer

from functions.contract.errors import InputError
from functions.models.prompts import CLIP, check, clean, clip_chunks, count
from tests.servers.checkpoints import tokenizers


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[CLIPTokenizer]:
    """The two tokenizers of SDXL: the second pads with another token."""
    folder = tmp_path_factory.mktemp("tokenizers")
    tokenizers.clip(folder / "one")
    tokenizers.clip(folder / "two", pad="!")
    return [CLIPTokenizer.from_pretrained(folder / name, local_files_only=True) for name in ("one", "two")]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a\n\tlone   rider ", "a lone rider"),
        ("schÃ¶n", "schön"),
        ("&lt;rain&gt; &amp;amp; wind", "<rain> & wind"),
        ("“quoted”", '"quoted"'),
        ("", ""),
    ],
)
def test_text_is_mended(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_text_at_the_limit_passes_and_one_beyond_is_refused_with_both_numbers(both: list[CLIPTokenizer]) -> None:
    text = "x " * 10
    tokens = count(both[0], clean(text))
    assert check(both[0], clean(text), tokens) == tokens == 12
    with pytest.raises(InputError, match=r"the negative prompt has 12 tokens and this engine's encoder reads 11"):
        check(both[0], clean(text), 11, "the negative prompt")


@pytest.mark.parametrize(("words", "chunks"), [(0, 1), (1, 1), (CLIP, 1), (CLIP + 1, 2), (2 * CLIP + 1, 3)])
def test_a_long_prompt_is_chunked_alike_for_both_encoders_and_both_sides(
    both: list[CLIPTokenizer], words: int, chunks: int
) -> None:
    ids = clip_chunks(both, ["x " * words, "bad"])
    assert [[len(row) for row in encoder] for encoder in ids] == [[chunks, chunks], [chunks, chunks]]
    assert {len(chunk) for encoder in ids for row in encoder for chunk in row} == {77}
    for tokenizer, encoder in zip(both, ids, strict=True):
        whole = [token for chunk in encoder[0] for token in chunk]
        content = [t for t in whole if t not in (tokenizer.bos_token_id, tokenizer.eos_token_id)]
        if tokenizer.pad_token_id != tokenizer.eos_token_id:
            content = [t for t in content if t != tokenizer.pad_token_id]
        assert len(content) == words


def test_one_chunk_is_what_the_tokenizer_itself_makes(both: list[CLIPTokenizer]) -> None:
    for tokenizer, ids in zip(both, clip_chunks(both, ["a lone rider"]), strict=True):
        assert list(ids[0][0]) == tokenizer("a lone rider", padding="max_length", max_length=77).input_ids


def test_a_prompt_beyond_all_chunks_is_refused(both: list[CLIPTokenizer]) -> None:
    with pytest.raises(InputError, match="has 601 tokens and this engine reads 600"):
        clip_chunks(both, ["x " * 601])
