"""The index on a cluster: the same protocol as on one machine, by Elasticsearch 9.

`settings`, `documents` and `queries` are pure functions; `candidates` is one question, `writer` one
batch of changes, `generations` what the alias points to, `leases` who may write; `connection` is
the only place that catches what the client raises.
"""
