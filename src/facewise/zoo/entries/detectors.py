"""Detectors."""

from __future__ import annotations

from facewise.zoo.entries.origins import GITHUB_UNIFACE, INSIGHTFACE_LICENCE
from facewise.zoo.spec import ModelSpec, Weights

DETECTORS = (
    ModelSpec(
        id="mtcnn",
        task="detect",
        architecture="mtcnn",
        weights=Weights(
            filename="mtcnn.safetensors",
            licence="MIT, Copyright (c) 2019 Timothy Esler",
            training_set="WIDER FACE and CelebA (Zhang et al. 2016)",
            size=1_988_248,
            sha256="945c16ec3b175201c8e5ccf3ab470d192a08b91695e45d4479508914e1cc0d3f",
            bundled=True,
        ),
        published={"wider_face_easy": 0.851, "wider_face_medium": 0.820, "wider_face_hard": 0.607},
        notes="P-, R- and O-Net of facenet-pytorch 2.6.0, converted.",
    ),
    ModelSpec(
        id="scrfd_500m",
        task="detect",
        architecture="scrfd",
        format="onnx",
        weights=Weights(
            filename="scrfd_500m_kps.onnx",
            licence=INSIGHTFACE_LICENCE,
            training_set="WIDER FACE",
            size=2_524_817,
            sha256="5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
            urls=(
                f"{GITHUB_UNIFACE}/scrfd_500m_kps.onnx",
                "https://huggingface.co/immich-app/buffalo_s/resolve/main/detection/model.onnx",
            ),
        ),
        input_size=640,
        published={"wider_face_easy": 0.906, "wider_face_medium": 0.881, "wider_face_hard": 0.685},
        notes="Same file as det_500m.onnx of InsightFace's buffalo_s pack.",
    ),
    ModelSpec(
        id="scrfd_10g",
        task="detect",
        architecture="scrfd",
        format="onnx",
        weights=Weights(
            filename="scrfd_10g_kps.onnx",
            licence=INSIGHTFACE_LICENCE,
            training_set="WIDER FACE",
            size=16_923_827,
            sha256="5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
            urls=(
                f"{GITHUB_UNIFACE}/scrfd_10g_kps.onnx",
                "https://huggingface.co/immich-app/buffalo_l/resolve/main/detection/model.onnx",
            ),
        ),
        input_size=640,
        published={"wider_face_easy": 0.952, "wider_face_medium": 0.939, "wider_face_hard": 0.831},
        notes="Same file as det_10g.onnx of InsightFace's buffalo_l pack.",
    ),
)
