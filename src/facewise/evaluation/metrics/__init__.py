"""Figures as pure functions on arrays: nothing here reads a file, embeds or prints."""

from facewise.evaluation.metrics.calibration import (
    Reliability,
    brier,
    expected_calibration_error,
    log_loss,
    reliability,
)
from facewise.evaluation.metrics.identification import (
    cmc,
    dir_at_fpir,
    limit_at_fpir,
    mate_ranks,
)
from facewise.evaluation.metrics.intervals import Interval, tar_interval, wilson_interval
from facewise.evaluation.metrics.significance import Mcnemar, holm, homogeneity, mcnemar
from facewise.evaluation.metrics.verification import (
    MIN_ERRORS,
    Roc,
    accuracy,
    accuracy_by_fold,
    auc,
    best_threshold,
    equal_error_rate,
    false_accepts,
    limit_at_far,
    measurable,
    precision_recall,
    roc,
    tar_at_far,
)

__all__ = [
    "MIN_ERRORS",
    "Interval",
    "Mcnemar",
    "Reliability",
    "Roc",
    "accuracy",
    "accuracy_by_fold",
    "auc",
    "best_threshold",
    "brier",
    "cmc",
    "dir_at_fpir",
    "equal_error_rate",
    "expected_calibration_error",
    "false_accepts",
    "holm",
    "homogeneity",
    "limit_at_far",
    "limit_at_fpir",
    "log_loss",
    "mate_ranks",
    "mcnemar",
    "measurable",
    "precision_recall",
    "reliability",
    "roc",
    "tar_at_far",
    "tar_interval",
    "wilson_interval",
]
