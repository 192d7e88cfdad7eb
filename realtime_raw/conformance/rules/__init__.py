"""The invariants, one class each, by what they are about. `invariants` runs them."""
