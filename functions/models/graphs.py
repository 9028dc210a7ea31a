"""CUDA graphs of a model's calls: all kernels of a forward pass started at once, where starting each takes longer than
the GPU takes to run it.

A graph holds addresses: of weights, which must stay where they are (new values may be copied into them), and of inputs,
which are copied into its own before it runs.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

FIRST = 2
"""Calls of a kind that run without a graph: they compile, and choose algorithms."""
MOST = 4
"""Kinds of calls whose graphs are kept."""


class _Graph:
    """One kind of call, always on the same memory: first run as it is, then recorded."""

    def __init__(self, call: Callable[..., Any], leaves: list[Any], spec: pytree.TreeSpec, pool: Any) -> None:
        self._inputs = [leaf.clone() if torch.is_tensor(leaf) else leaf for leaf in leaves]
        args, named = pytree.tree_unflatten(self._inputs, spec)
        self._call, self._pool, self._runs = functools.partial(call, *args, **named), pool, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._outputs: Any = None

    def __call__(self, leaves: list[Any]) -> Any:
        for own, given in zip(self._inputs, leaves, strict=True):
            if torch.is_tensor(own):
                own.copy_(given)
        if self._runs < FIRST:
            self._runs += 1
            return self._call()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            # Other threads may use the device meanwhile: a clip's writer does.
            with torch.cuda.graph(self._graph, pool=self._pool, capture_error_mode="thread_local"):
                self._outputs = self._call()
        self._graph.replay()
        return pytree.tree_map(lambda leaf: leaf.clone() if torch.is_tensor(leaf) else leaf, self._outputs)


class Graphs:
    """Stands in for a module's `forward`: from the third call with inputs of one kind on, as a graph."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call, self._pool = call, torch.cuda.graph_pool_handle()
        self._graphs: OrderedDict[Hashable, _Graph] = OrderedDict()

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the module makes, in memory of its own."""
        leaves, spec = pytree.tree_flatten((args, named))
        key = (str(spec), tuple(kind(leaf) for leaf in leaves))
        if key not in self._graphs:
            if len(self._graphs) >= MOST:
                self._graphs.popitem(last=False)
            self._graphs[key] = _Graph(self._call, leaves, spec, self._pool)
        self._graphs.move_to_end(key)
        return self._graphs[key](leaves)


def kind(leaf: Any) -> Hashable:
    """What of an input must be as it was recorded: of a tensor all but its values, of all else the value."""
    if isinstance(leaf, Tensor):
        return (tuple(leaf.shape), leaf.dtype, leaf.device)
    return (type(leaf).__name__, leaf)


def record(module: nn.Module) -> nn.Module:
    """The module with its calls recorded as graphs. Its weights must not move from now on."""
    module.forward = Graphs(module.forward)
    return module
