"""Embedders as ONNX graphs."""

from __future__ import annotations

from facewise.alignment import FivePointCrop
from facewise.zoo.entries.origins import (
    GITHUB_UNIFACE,
    HUGGINGFACE_UNIFACE,
    INSIGHTFACE_LICENCE,
    SYMMETRIC,
)
from facewise.zoo.spec import ModelSpec, Normalisation, Weights

_INSIGHTFACE = Normalisation(mean=SYMMETRIC, std=SYMMETRIC)
# AdaFace was trained on pictures in OpenCV's order (its README, "Pretrained Models").
_ADAFACE = Normalisation(mean=SYMMETRIC, std=SYMMETRIC, colour="bgr")

_GITHUB_ADAFACE = "https://github.com/yakhyo/adaface-onnx/releases/download/weights"
_GITHUB_EDGEFACE = "https://github.com/yakhyo/edgeface-onnx/releases/download/weights"

_ADAFACE_LICENCE = "research only, by its training set; code MIT (mk-minchul/AdaFace)"
_EDGEFACE_LICENCE = (
    "non-commercial: CC BY-NC-SA 4.0 where its authors publish the weights "
    "(huggingface.co/Idiap), BSD-3-Clause in their repository (otroshi/edgeface)"
)
_WEBFACE = "WebFace260M (research only)"

ONNX_EMBEDDERS = (
    ModelSpec(
        id="arcface_r50.webface600k",
        task="embed",
        architecture="arcface_r50",
        format="onnx",
        weights=Weights(
            filename="w600k_r50.onnx",
            licence=INSIGHTFACE_LICENCE,
            training_set="WebFace600K (research only)",
            size=174_383_860,
            sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
            urls=(
                f"{GITHUB_UNIFACE}/w600k_r50.onnx",
                "https://huggingface.co/immich-app/buffalo_l/resolve/main/recognition/model.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_INSIGHTFACE,
        published={
            "lfw": 0.9983,
            "cfp_fp": 0.9933,
            "agedb_30": 0.9823,
            "ijbc_tar_at_far_1e-4": 0.9725,
        },
        notes="The recogniser of InsightFace's buffalo_l pack.",
    ),
    ModelSpec(
        id="arcface_mbf.webface600k",
        task="embed",
        architecture="arcface_mbf",
        format="onnx",
        weights=Weights(
            filename="w600k_mbf.onnx",
            licence=INSIGHTFACE_LICENCE,
            training_set="WebFace600K (research only)",
            size=13_616_099,
            sha256="9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
            urls=(
                f"{GITHUB_UNIFACE}/w600k_mbf.onnx",
                "https://huggingface.co/immich-app/buffalo_s/resolve/main/recognition/model.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_INSIGHTFACE,
        published={
            "lfw": 0.9970,
            "cfp_fp": 0.9800,
            "agedb_30": 0.9658,
            "ijbc_tar_at_far_1e-4": 0.9502,
        },
        notes="The recogniser of InsightFace's buffalo_s pack.",
    ),
    ModelSpec(
        id="adaface_ir18.webface4m",
        task="embed",
        architecture="adaface_ir18",
        format="onnx",
        weights=Weights(
            filename="adaface_ir_18.onnx",
            licence=_ADAFACE_LICENCE,
            training_set="WebFace4M, a subset of WebFace260M (research only)",
            sha256="6b6a35772fb636cdd4fa86520c1a259d0c41472a76f70f802b351837a00d9870",
            urls=(
                f"{_GITHUB_ADAFACE}/adaface_ir_18.onnx",
                f"{HUGGINGFACE_UNIFACE}/adaface_ir_18.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_ADAFACE,
        published={
            "lfw": 0.9953,
            "cfp_fp": 0.9726,
            "cplfw": 0.9228,
            "calfw": 0.9552,
            "agedb_30": 0.9647,
            "ijbb_tar_at_far_1e-4": 0.9303,
            "ijbc_tar_at_far_1e-4": 0.9499,
        },
    ),
    ModelSpec(
        id="adaface_ir101.webface12m",
        task="embed",
        architecture="adaface_ir101",
        format="onnx",
        weights=Weights(
            filename="adaface_ir_101.onnx",
            licence=_ADAFACE_LICENCE,
            training_set="WebFace12M, a subset of WebFace260M (research only)",
            size=260_704_652,
            sha256="f2eb07d03de0af560a82e1214df799fec5e09375d43521e2868f9dc387e5a43e",
            urls=(
                f"{_GITHUB_ADAFACE}/adaface_ir_101.onnx",
                f"{HUGGINGFACE_UNIFACE}/adaface_ir_101.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_ADAFACE,
        published={
            "lfw": 0.9982,
            "cfp_fp": 0.9926,
            "cplfw": 0.9457,
            "calfw": 0.9612,
            "agedb_30": 0.9800,
            "ijbb_tar_at_far_1e-4": 0.9641,
            "ijbc_tar_at_far_1e-4": 0.9766,
        },
    ),
    ModelSpec(
        id="edgeface_xxs.webface260m",
        task="embed",
        architecture="edgeface_xxs",
        format="onnx",
        weights=Weights(
            filename="edgeface_xxs.onnx",
            licence=_EDGEFACE_LICENCE,
            training_set=_WEBFACE,
            size=5_133_128,
            sha256="dc674de4cbc77fa0bf9a82d5149558ab8581d82a2cd3bb60f28fd1a5d3ff8a2f",
            urls=(
                f"{_GITHUB_EDGEFACE}/edgeface_xxs.onnx",
                f"{HUGGINGFACE_UNIFACE}/edgeface_xxs.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_INSIGHTFACE,
        published={
            "lfw": 0.9957,
            "calfw": 0.9483,
            "cplfw": 0.9027,
            "cfp_fp": 0.9363,
            "agedb_30": 0.9492,
        },
    ),
    ModelSpec(
        id="edgeface_s.webface260m",
        task="embed",
        architecture="edgeface_s",
        format="onnx",
        weights=Weights(
            filename="edgeface_s_gamma_05.onnx",
            licence=_EDGEFACE_LICENCE,
            training_set=_WEBFACE,
            size=14_805_514,
            sha256="b850767cf791bda585600b5c4c7d7432b2f998ccd862caae34ef1afa967d2e54",
            urls=(
                f"{_GITHUB_EDGEFACE}/edgeface_s_gamma_05.onnx",
                f"{HUGGINGFACE_UNIFACE}/edgeface_s_gamma_05.onnx",
            ),
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        normalisation=_INSIGHTFACE,
        published={
            "lfw": 0.9978,
            "calfw": 0.9555,
            "cplfw": 0.9248,
            "cfp_fp": 0.9574,
            "agedb_30": 0.9703,
        },
        notes="EdgeFace-S with low-rank ratio 0.5 (edgeface_s_gamma_05).",
    ),
)
