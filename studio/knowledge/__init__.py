"""Documents in, evidence out: parse, split, embed, index, retrieve."""
