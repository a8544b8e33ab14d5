"""Models: the weights of a model, and the reference tokenizer."""
