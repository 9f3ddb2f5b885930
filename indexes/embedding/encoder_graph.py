"""The ONNX graph of multilingual-e5-small, in integers, from its packed weights.

`input_ids` (int64, batch x length; every text of a call has that length: no padding, no mask) goes
in, `embedding` (float32, batch x hidden, unit length) comes out: embeddings, the layers of BERT,
the mean over the tokens, divided by its norm.

Matrices become 7-bit integers with one scale an output column and are multiplied with activations
rounded to 8 bits with one scale a *token*; a scale a tensor costs as much, is less exact (mean
cosine to fp32 .996 against .9991) and lets a text's vector depend on its neighbours. The word table
keeps the 4-bit blocks of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.embedding.packed_weights import BLOCK, Floats, PackedWeights

OPSET = 21  # `Gelu` came with 20
IR_VERSION = 10
MICROSOFT = "com.microsoft"  # operators of onnxruntime that the standard lacks

# LayerNorm makes a few channels of this model some 30 times larger than the others; one 8-bit scale
# for all would drown the rest. These few are multiplied in fp32: 4 % of the work.
EXACT_CHANNELS = 16
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
        return self.add_many(operator, 1, *inputs, domain=domain, **attributes)[0]

    def add_many(
        self,
        operator: str,
        results: int,
        *inputs: str | Array,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Append a node and return the names of its results."""
        names = [self._name(given) for given in inputs]
        outputs = [f"{operator}{len(self._nodes)}_{number}" for number in range(results)]
        self._append(operator, names, outputs, domain, attributes)
        return outputs

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
        ids = make.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])
        result = make.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden])
        graph = make.make_graph(self._nodes, "encoder", [ids], [result], self._constants)
        opsets = [make.make_opsetid("", OPSET), make.make_opsetid(MICROSOFT, 1)]
        return make.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


def build_graph(weights: PackedWeights) -> Any:
    """The encoder as an `onnx.ModelProto`, with all of its weights inside."""
    return _Encoder(weights).build()


def _integers(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _float(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


class _Encoder:
    """Writes the network into a graph, one layer after the other."""

    def __init__(self, weights: PackedWeights) -> None:
        self.weights = weights
        self.shape = weights.shape
        self.graph = GraphBuilder()

    def build(self) -> Any:
        x, norm = self._embeddings(), "emb.ln"
        for number in range(self.shape.layers):
            x, norm = self._layer(x, norm, f"l{number}.")
        mean = self.graph.add("ReduceMean", x, _integers(1), keepdims=0)
        self.graph.finish("LpNormalization", mean, "embedding", axis=1, p=2)
        return self.graph.model(self.shape.hidden)

    def _embeddings(self) -> str:
        add, shape = self.graph.add, self.shape
        places = self.weights.floats("emb.pos", shape.positions, shape.hidden)
        places = places + self.weights.floats("emb.type", shape.types, shape.hidden)[0]
        length = add("Shape", "input_ids", start=1)
        used = add("Slice", places, _integers(0), length, _integers(0))
        return self._norm(add("Add", self._words(), used), "emb.ln")

    def _words(self) -> str:
        """Rows of the word table, unpacked from 4 bits as they are needed."""
        shape = self.shape
        scales, codes = self.weights.blocks("emb.word", shape.vocabulary, shape.hidden)
        packed = (codes[..., 0::2] | codes[..., 1::2] << 4).reshape(shape.vocabulary, -1)
        return self.graph.add(
            "GatherBlockQuantized",
            packed,
            "input_ids",
            scales[..., 0],
            domain=MICROSOFT,
            bits=4,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )

    def _layer(self, x: str, norm: str, layer: str) -> tuple[str, str]:
        """One layer of BERT over `x`, the result of `norm`; its result and its last norm."""
        add, shape = self.graph.add, self.shape
        attended = add("Add", self._attention(x, norm, layer), x)
        x = self._norm(attended, layer + "aln")
        wide = self._matrices([layer + "fi.w"], shape.feed_forward, shape.hidden)
        narrow = self._matrices([layer + "fo.w"], shape.hidden, shape.feed_forward)
        inner = add("Gelu", self._after_norm(x, layer + "aln", wide, [layer + "fi.b"]))
        outer = self._after_gelu(inner, narrow, [layer + "fo.b"])
        return self._norm(add("Add", outer, x), layer + "oln"), layer + "oln"

    def _attention(self, x: str, norm: str, layer: str) -> str:
        add, shape = self.graph.add, self.shape
        names = [layer + letter for letter in "qkv"]
        matrices = self._matrices([name + ".w" for name in names], shape.hidden, shape.hidden)
        joined = self._after_norm(x, norm, matrices, [name + ".b" for name in names])
        q, k, v = self.graph.add_many("Split", 3, joined, axis=2, num_outputs=3)
        scores = add("MatMul", self._heads(q, 0, 2, 1, 3), self._heads(k, 0, 2, 3, 1))
        scale = _float((shape.hidden / shape.heads) ** 0.5)
        chosen = add("Softmax", add("Div", scores, scale), axis=-1)
        mixed = add("MatMul", chosen, self._heads(v, 0, 2, 1, 3))
        mixed = add("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = add("Reshape", mixed, _integers(0, 0, shape.hidden))
        output = self._matrices([layer + "ao.w"], shape.hidden, shape.hidden)
        return self._after_anything(mixed, output, [layer + "ao.b"])

    def _heads(self, x: str, *order: int) -> str:
        shape = self.shape
        split = _integers(0, 0, shape.heads, shape.hidden // shape.heads)
        return self.graph.add("Transpose", self.graph.add("Reshape", x, split), perm=order)

    def _norm(self, x: str, name: str) -> str:
        scale = self.weights.floats(name + ".w", self.shape.hidden)
        shift = self.weights.floats(name + ".b", self.shape.hidden)
        return self.graph.add("LayerNormalization", x, scale, shift, epsilon=self.weights.epsilon)

    def _matrices(self, names: Sequence[str], rows: int, columns: int) -> Floats:
        return np.concatenate([self.weights.matrix(name, rows, columns) for name in names])

    def _after_norm(self, x: str, norm: str, matrix: Floats, biases: Sequence[str]) -> str:
        """x @ matrix.T + biases, with the channels that `norm` makes large multiplied exactly."""
        add, hidden = self.graph.add, self.shape.hidden
        shift = np.abs(self.weights.floats(norm + ".b", hidden))
        spread = np.abs(self.weights.floats(norm + ".w", hidden))
        large = np.argsort(-shift - 3 * spread)[:EXACT_CHANNELS].astype(np.int64)
        exact = add("MatMul", add("Gather", x, large, axis=2), matrix[:, large].T)
        small = np.isin(np.arange(hidden), large, invert=True).astype(np.float32)
        rest = self._in_integers(add("Mul", x, small), matrix * small)
        return self._with_biases(add("Add", rest, exact), matrix, biases)

    def _after_anything(self, x: str, matrix: Floats, biases: Sequence[str]) -> str:
        return self._with_biases(self._in_integers(x, matrix), matrix, biases)

    def _after_gelu(self, x: str, matrix: Floats, biases: Sequence[str]) -> str:
        add = self.graph.add
        largest = add("ReduceMax", x, _integers(-1), keepdims=1)
        unit = add("Div", largest, _float(GELU_LARGEST))
        unit = add("Max", unit, _float(GELU_SMALLEST_UNIT))
        return self._with_biases(self._product(x, unit, GELU_ZERO, matrix), matrix, biases)

    def _in_integers(self, x: str, matrix: Floats) -> str:
        add = self.graph.add
        largest = add("ReduceMax", add("Abs", x), _integers(-1), keepdims=1)
        return self._product(x, add("Div", largest, _float(127)), SIGNED_ZERO, matrix)

    def _product(self, x: str, unit: str, zero: int, matrix: Floats) -> str:
        """x @ matrix.T, `x` rounded to multiples of its tokens' `unit`."""
        add = self.graph.add
        zero_point = np.array(zero, np.uint8)
        steps = np.abs(matrix).max(1) / WEIGHT_LARGEST
        codes = np.rint(matrix.T / steps).astype(np.int8)
        rounded = add("QuantizeLinear", add("Div", x, unit), _float(1), zero_point)
        scales = (_float(1), steps.astype(np.float32))
        product = add("MatMulIntegerToFloat", rounded, codes, *scales, zero_point, domain=MICROSOFT)
        return add("Mul", product, unit)

    def _with_biases(self, x: str, matrix: Floats, names: Sequence[str]) -> str:
        size = len(matrix) // len(names)
        bias = np.concatenate([self.weights.floats(name, size) for name in names])
        return self.graph.add("Add", x, bias)
