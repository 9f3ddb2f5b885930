"""Text to vectors: the protocol, its engines, the making of the model, the cache of vectors."""
