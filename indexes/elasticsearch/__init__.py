"""The index on a cluster: the same protocol as on one machine, by Elasticsearch 9.

`settings`, `documents` and `queries` are pure functions; `candidates` is one question, `writer` one
batch of changes, `generations` what the alias points to; `connection` is the only place that speaks
to the client.
"""

from indexes.elasticsearch.address import Address, read_address
from indexes.elasticsearch.index import ElasticsearchIndex

__all__ = ["Address", "ElasticsearchIndex", "read_address"]
