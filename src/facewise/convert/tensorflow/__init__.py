"""Checkpoints and frozen graphs of davidsandberg/facenet, read without TensorFlow."""

from facewise.convert.tensorflow.inception import NORMALISATIONS, convert_tensorflow

__all__ = ["NORMALISATIONS", "convert_tensorflow"]
