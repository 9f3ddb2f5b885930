"""How well the search finds: judged sets, asked of the product itself (docs/evaluation.md)."""
