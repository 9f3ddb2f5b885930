"""The ONNX graph of an encoder such as multilingual-e5-small, in integers, from its weights.

`input_ids` (int64, 1 x length: one text, no padding, no mask) goes in, `embedding` (float32, 1 x
hidden, unit length) comes out: embeddings, the layers of BERT, the mean over the tokens or the
first of them, divided by its norm.

Matrices become 7-bit integers with one scale an output column and are multiplied with activations
rounded to 8 bits with one scale a *token*; a scale a tensor costs as much, is less exact (mean
cosine to fp32 .996 against .9988) and lets a text's vector depend on its neighbours. The word table
keeps its blocks of 4 or 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.embedding.encoder_weights import BLOCK, EncoderWeights, Floats

OPSET = 21
IR_VERSION = 10
MICROSOFT = "com.microsoft"  # operators of onnxruntime that the standard lacks

# LayerNorm makes a few channels of this model some 30 times larger than the others; one 8-bit scale
# for all would drown the rest. So each channel is divided by this power of its size and its weights
# are multiplied by it: both keep most of their digits (Xiao et al., "SmoothQuant", ICML 2023,
# arXiv:2211.10438). Beside 16 channels multiplied in fp32: 1.08 times as fast, mean cosine to fp32
# .9988 instead of .9992. Powers of .4 to .75 differ by .0001.
SMOOTHING = 0.6
SIGNED_ZERO = 128  # uint8 with zero point: int8 x int8 is 7 to 10 times slower on AVX2
# Gelu is never below -0.17, so nearly the whole byte can serve what is above 0.
GELU_ZERO = 17
GELU_LARGEST = 255 - GELU_ZERO
GELU_SMALLEST_UNIT = 0.01  # 17 steps of it hold -0.17
WEIGHT_LARGEST = 64  # 7 bits: the pairs that AVX2 sums in 16 bits cannot overflow

Array = NDArray[Any]


class GraphBuilder:
    """Collects nodes and constants; `add` gives names to results and takes arrays as constants."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper = helper
        self._numpy_helper = numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str | Array, domain: str = "", **attributes: Any) -> str:
        """Append a node with one result and return the result's name."""
        names = [self._name(given) for given in inputs]
        output = f"{operator}{len(self._nodes)}_0"
        self._append(operator, names, [output], domain, attributes)
        return output

    def finish(self, operator: str, given: str, output: str, **attributes: Any) -> None:
        """Append the last node, whose result has the name `output`."""
        self._append(operator, [given], [output], "", attributes)

    def _append(
        self, operator: str, names: list[str], outputs: list[str], domain: str, attributes: Any
    ) -> None:
        node = self._helper.make_node(operator, names, outputs, domain=domain, **attributes)
        self._nodes.append(node)

    def _name(self, given: str | Array) -> str:
        if isinstance(given, str):
            return given
        name = f"constant{len(self._constants)}"
        self._constants.append(self._numpy_helper.from_array(np.ascontiguousarray(given), name))
        return name

    def model(self, hidden: int) -> Any:
        """The finished `onnx.ModelProto`."""
        from onnx import TensorProto

        make = self._helper
        ids = make.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "length"])
        result = make.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, hidden])
        graph = make.make_graph(self._nodes, "encoder", [ids], [result], self._constants)
        opsets = [make.make_opsetid("", OPSET), make.make_opsetid(MICROSOFT, 1)]
        return make.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


def build_graph(weights: EncoderWeights, pooling: str) -> Any:
    """The encoder as an `onnx.ModelProto`, with all of its weights inside.

    `pooling` is "mean" (of all tokens) or "cls" (the first token).
    """
    return _Encoder(weights, pooling).build()


def _integers(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _float(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


class _Encoder:
    """Writes the network into a graph, one layer after the other; a value is tokens x channels."""

    def __init__(self, weights: EncoderWeights, pooling: str) -> None:
        self.weights = weights
        self.pooling = pooling
        self.shape = weights.shape
        self.graph = GraphBuilder()

    def build(self) -> Any:
        self._ids = self.graph.add("Squeeze", "input_ids", _integers(0))
        self._length = self.graph.add("Shape", self._ids)
        self._zeros = {zero: self._zero_points(zero) for zero in (SIGNED_ZERO, GELU_ZERO)}
        x, norm = self._embeddings(), "emb.ln"
        for number in range(self.shape.layers):
            x, norm = self._layer(x, norm, f"l{number}.")
        self.graph.finish("LpNormalization", self._pooled(x), "embedding", axis=1, p=2)
        return self.graph.model(self.shape.hidden)

    def _zero_points(self, zero: int) -> str:
        """One a token, as `QuantizeLinear` wants it beside one scale a token."""
        return self._first(np.full(self.shape.positions, zero, np.uint8))

    def _first(self, rows: Array) -> str:
        """As many rows as there are tokens."""
        return self.graph.add("Slice", rows, _integers(0), self._length, _integers(0))

    def _pooled(self, x: str) -> str:
        if self.pooling == "cls":
            return self.graph.add("Gather", x, _integers(0), axis=0)
        return self.graph.add("ReduceMean", x, _integers(0), keepdims=1)

    def _embeddings(self) -> str:
        shape = self.shape
        places = self.weights.floats("emb.pos", shape.positions, shape.hidden)
        places = places + self.weights.floats("emb.type", shape.types, shape.hidden)[0]
        words = self.graph.add("Add", self._words(), self._first(places))
        return self._norm(words, "emb.ln")

    def _words(self) -> str:
        """Rows of the word table, unpacked as they are needed."""
        shape, bits = self.shape, self.weights.word_bits
        scales, codes = self.weights.blocks("emb.word", shape.vocabulary, shape.hidden)
        packed = codes if bits == 8 else codes[..., 0::2] | codes[..., 1::2] << 4
        return self.graph.add(
            "GatherBlockQuantized",
            packed.reshape(shape.vocabulary, -1),
            self._ids,
            scales[..., 0],
            domain=MICROSOFT,
            bits=bits,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )

    def _layer(self, x: str, norm: str, layer: str) -> tuple[str, str]:
        """One layer of BERT over `x`, the result of `norm`; its result and its last norm."""
        add, shape = self.graph.add, self.shape
        mixed = self._attention(x, norm, layer)
        output = self.weights.matrix(layer + "ao.w", shape.hidden, shape.hidden)
        x = self._closed(self._product(self._in_bytes(mixed), output), x, layer, "ao", "aln")
        wide = self.weights.matrix(layer + "fi.w", shape.feed_forward, shape.hidden)
        narrow = self.weights.matrix(layer + "fo.w", shape.hidden, shape.feed_forward)
        (inner,) = self._after_norm(x, layer + "aln", [wide])
        bias = self.weights.floats(layer + "fi.b", shape.feed_forward)
        # By tanh: within .0005 of the exact one, and the vectors as near to those of fp32.
        inner = add("FastGelu", inner, bias, domain=MICROSOFT)
        x = self._closed(self._product(self._gelu_bytes(inner), narrow), x, layer, "fo", "oln")
        return x, layer + "oln"

    def _closed(self, given: str, x: str, layer: str, name: str, norm: str) -> str:
        """The end of half a layer: bias, what came in, norm. One fused operator is slower."""
        biased = self.graph.add("Add", given, self._bias(layer + name))
        return self._norm(self.graph.add("Add", biased, x), layer + norm)

    def _attention(self, x: str, norm: str, layer: str) -> str:
        add, shape = self.graph.add, self.shape
        names = [layer + letter for letter in "qkv"]
        matrices = [self.weights.matrix(f"{n}.w", shape.hidden, shape.hidden) for n in names]
        q, k, v = (add("Unsqueeze", a, _integers(0)) for a in self._after_norm(x, norm, matrices))
        biases = np.concatenate([self._bias(name) for name in names])
        mixed = add("MultiHeadAttention", q, k, v, biases, domain=MICROSOFT, num_heads=shape.heads)
        return add("Squeeze", mixed, _integers(0))

    def _bias(self, name: str) -> Floats:
        return self.weights.floats(f"{name}.b", self.shape.hidden)

    def _norm(self, x: str, name: str) -> str:
        scale = self.weights.floats(name + ".w", self.shape.hidden)
        shift = self.weights.floats(name + ".b", self.shape.hidden)
        return self.graph.add("LayerNormalization", x, scale, shift, epsilon=self.weights.epsilon)

    def _after_norm(self, x: str, norm: str, matrices: Sequence[Floats]) -> list[str]:
        """x @ matrix.T for each matrix, the channels that `norm` makes large made smaller."""
        divisors = self._divisors(norm, matrices)
        smoothed = self._in_bytes(self.graph.add("Mul", x, 1 / divisors))
        return [self._product(smoothed, matrix * divisors) for matrix in matrices]

    def _divisors(self, norm: str, matrices: Sequence[Floats]) -> Floats:
        """One a channel, about 1. A channel's size is what three standard deviations reach."""
        hidden = self.shape.hidden
        shift = np.abs(self.weights.floats(norm + ".b", hidden))
        spread = np.abs(self.weights.floats(norm + ".w", hidden))
        largest = np.abs(np.concatenate(matrices)).max(0)
        sizes = np.maximum(shift + 3 * spread, 1e-6) ** SMOOTHING
        divisors = sizes / np.maximum(largest, 1e-6) ** (1 - SMOOTHING)
        found: Floats = (divisors / np.median(divisors)).astype(np.float32)
        return found

    def _in_bytes(self, x: str) -> _Rounded:
        largest = self.graph.add("ReduceMax", self.graph.add("Abs", x), _integers(-1), keepdims=1)
        return self._rounded(x, self.graph.add("Div", largest, _float(127)), SIGNED_ZERO)

    def _gelu_bytes(self, x: str) -> _Rounded:
        add = self.graph.add
        largest = add("ReduceMax", x, _integers(-1), keepdims=1)
        unit = add("Div", largest, _float(GELU_LARGEST))
        return self._rounded(x, add("Max", unit, _float(GELU_SMALLEST_UNIT)), GELU_ZERO)

    def _rounded(self, x: str, unit: str, zero: int) -> _Rounded:
        """`x` in multiples of its tokens' `unit`."""
        units = self.graph.add("Squeeze", unit, _integers(1))
        codes = self.graph.add("QuantizeLinear", x, units, self._zeros[zero], axis=0)
        return _Rounded(codes, unit, zero)

    def _product(self, x: _Rounded, matrix: Floats) -> str:
        """x @ matrix.T"""
        steps = np.maximum(np.abs(matrix).max(1), 1e-12) / WEIGHT_LARGEST
        codes = np.rint(matrix.T / steps).astype(np.int8)
        product = self.graph.add(
            "MatMulIntegerToFloat",
            x.codes,
            codes,
            _float(1),
            steps.astype(np.float32),
            np.array(x.zero, np.uint8),
            domain=MICROSOFT,
        )
        return self.graph.add("Mul", product, x.unit)


class _Rounded(NamedTuple):
    """A value in bytes: their name, the name of the unit of each token, the byte that means 0."""

    codes: str
    unit: str
    zero: int
