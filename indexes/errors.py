"""What this package raises. Errors of engines and libraries are wrapped where they occur."""


class IndexesError(Exception):
    """Base of everything this package raises."""


class IndexUnavailable(IndexesError):
    """The backend cannot answer now; asking again later may help."""


class IndexMismatch(IndexesError):
    """The index was built with another model, schema or analysis: it has to be rebuilt."""


class WriterBusy(IndexesError):
    """Another process is writing to this index."""


class UnknownIndex(IndexesError):
    """The address of an index cannot be used (`elasticsearch.address`)."""


class IndexRefused(IndexUnavailable):
    """The backend will never take this change as it is; asking again does not help."""


class IndexIncomplete(IndexesError):
    """A new generation does not hold what it was given; the one before stays in use."""


class NothingToRollBack(IndexesError):
    """The index keeps no earlier generation."""


class ModelMissing(IndexesError):
    """The embedding model is not there, or not whole: it has to be built."""


class UnknownModel(IndexesError):
    """What was asked for names no embedding engine or model (`embedding.model_choice`)."""


class QueryTooLong(IndexesError):
    """The query has more characters than are accepted (`query_parser.MAX_CHARACTERS`)."""


class ModelNotBuilt(IndexesError):
    """The embedding model cannot be made: a tool or its weights are missing or not as expected."""


class MalformedTestSet(IndexesError):
    """A folder of judged queries is not in the layout of BEIR, or contradicts itself."""


class RunUnknown(IndexesError):
    """There is no such run of an evaluation, or its file cannot be read as one."""


class RunRefused(IndexesError):
    """A run of an evaluation cannot be kept under this name."""
