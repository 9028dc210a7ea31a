"""resemble-enhance's loop over a sound of any length, written anew from what its module `inference` is known to do.

The sound is converted to 44.1 kHz on the CPU and cut every 29 s into chunks of 30 s; each is scaled to its own peak and
goes through the network whole, one after the other; the next is shifted against the last by whatever lets their mel
spectrograms in the shared second correlate best (steps of 5 ms), and they are crossfaded linearly.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from functions.speech_enhance.network import Asked, Enhancer, Noise
from functions.speech_enhance.spectrum import RATE, Resampler, mel_bands

CHUNK, OVERLAP = 30 * RATE, RATE
STEP = RATE // 200
WINDOW = 4 * STEP
FFT = 2048


def enhanced(network: Enhancer, sound: Tensor, rate: int, asked: Asked, draw: Callable[[int], Noise]) -> Tensor:
    """(samples,) at `rate` to as many seconds at 44.1 kHz; `draw` gives a chunk's noise by its number."""
    given = Resampler(rate, RATE)(sound[None])[0] if rate != RATE else sound
    starts = range(0, max(1, len(given) - OVERLAP), CHUNK - OVERLAP)
    where = next(network.parameters()).device
    chunks = [_chunk(network, given[s : s + CHUNK].to(where), asked, draw(n)) for n, s in enumerate(starts)]
    return merged(chunks)[: len(given)]


@torch.inference_mode()
def _chunk(network: Enhancer, sound: Tensor, asked: Asked, noise: Noise) -> Tensor:
    made = network.enhanced(sound[None], asked, noise, lambda *_: None)[0].cpu()
    if sound.is_cuda:
        torch.cuda.synchronize()
    return made


def merged(chunks: Sequence[Tensor]) -> Tensor:
    """Chunks laid over each other."""
    whole = torch.zeros((len(chunks) - 1) * (CHUNK - OVERLAP) + CHUNK)
    rising = torch.cat([torch.linspace(0, 1, OVERLAP), torch.ones(CHUNK - OVERLAP)])
    for number, chunk in enumerate(chunks):
        start = number * (CHUNK - OVERLAP)
        if number:
            start = max(0, start - shift(chunks[number - 1][-OVERLAP:], chunk[:OVERLAP]))
        weight = (rising if number else torch.ones(CHUNK))[: len(chunk)].clone()
        if number < len(chunks) - 1:
            weight[-OVERLAP:] *= 1 - torch.linspace(0, 1, OVERLAP)
        length = min(len(chunk), len(whole) - start)
        whole[start : start + length] += (chunk * weight)[:length]
    return whole


def shift(before: Tensor, after: Tensor) -> int:
    """Samples by which `after` lies later than `before`, by the circular correlation of their mel spectrograms."""
    length = min(len(before), len(after))
    a, b = (_mel(part[:length]) for part in (before, after))
    alike = torch.fft.ifft(torch.fft.fft(a) * torch.fft.fft(b).conj()).abs().mean(dim=0)
    found = int(alike.argmax())
    return -STEP * (found - len(alike) if found > len(alike) // 2 else found)


def _mel(sound: Tensor) -> Tensor:
    window = functional.pad(torch.hann_window(WINDOW), ((FFT - WINDOW) // 2,) * 2)
    spectrum = torch.stft(sound, FFT, STEP, FFT, window, return_complex=True).abs().square()
    return (mel_bands() @ spectrum).log1p()
