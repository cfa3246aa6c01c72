"""The Abstraction and Reasoning Corpus: a scripted oracle of known transformations, and what its tasks are about."""
