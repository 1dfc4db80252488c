"""Losses: each maps embeddings and labels to one number, on the network's own embeddings."""

from facewise.training.losses.adaface import AdaFace
from facewise.training.losses.arcface import ArcFace, SubCenterArcFace
from facewise.training.losses.center import CenterLoss
from facewise.training.losses.combined import CombinedMargin
from facewise.training.losses.cosface import CosFace
from facewise.training.losses.curricularface import CurricularFace
from facewise.training.losses.face_loss import FaceLoss
from facewise.training.losses.magface import MagFace
from facewise.training.losses.margin_softmax import MarginSoftmax
from facewise.training.losses.registry import build_loss, loss_names, loss_options
from facewise.training.losses.sampled_weights import SampledClassWeights
from facewise.training.losses.softmax import NormFace, Softmax
from facewise.training.losses.sphereface import SphereFace
from facewise.training.losses.triplet import TripletLoss
from facewise.training.losses.triplet_list import TripletList, draw_triplets, load_triplets
from facewise.training.losses.triplet_offline import OfflineTripletLoss

__all__ = [
    "AdaFace",
    "ArcFace",
    "CenterLoss",
    "CombinedMargin",
    "CosFace",
    "CurricularFace",
    "FaceLoss",
    "MagFace",
    "MarginSoftmax",
    "NormFace",
    "OfflineTripletLoss",
    "SampledClassWeights",
    "Softmax",
    "SphereFace",
    "SubCenterArcFace",
    "TripletList",
    "TripletLoss",
    "build_loss",
    "draw_triplets",
    "load_triplets",
    "loss_names",
    "loss_options",
]
