"""One file a revision, in order; each goes forwards and backwards without losing tickets."""
