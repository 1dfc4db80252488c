"""How closely facewise agrees with the projects it takes over from; a table in Markdown.

    python -m bench.parity ../shared/data --dlib-models FOLDER_OF_DLIB_DAT_FILES

Needs facenet-pytorch 2.6.0 (`pip install --no-deps facenet-pytorch==2.6.0 torchvision tqdm`) and
dlib. The tests of the same comparisons are marked `oracle`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import dlib
import facenet_pytorch
import numpy as np
import torch

import facewise
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1


def frames_of(video: Path, step: int) -> list[np.ndarray]:
    """Every `step`-th frame, RGB."""
    capture, frames = cv2.VideoCapture(str(video)), []
    while (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][:, :, ::-1]))
    return frames[::step]


def compare_mtcnn(name: str, images: Sequence[np.ndarray]) -> None:
    """One row: faces of both, and the worst differences between matched ones."""
    theirs = facenet_pytorch.MTCNN(keep_all=True, select_largest=False)
    ours = facewise.load_detector("mtcnn")
    counts, worst = [0, 0, 0], np.zeros(4)
    for image, faces in zip(images, ours.detect(list(images)), strict=True):
        boxes, scores, points = theirs.detect(image, landmarks=True)
        if boxes is None:
            boxes, scores, points = np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2))
        boxes, scores, points = (np.array(a, float) for a in (boxes, scores, points))
        counts[0] += len(boxes)
        counts[1] += len(faces)
        for i in range(len(faces)):
            far = np.abs(boxes - faces.boxes[i]).max(axis=1) if len(boxes) else np.array([np.inf])
            j = int(far.argmin())
            if far[j] > 10:
                continue
            counts[2] += 1
            a, b = faces.boxes[i], boxes[j]
            sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
            union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - np.prod(sides)
            differences = (
                1 - np.prod(sides) / union,
                far[j],
                np.abs(faces.landmarks[i] - points[j]).max(),
                abs(faces.scores[i] - scores[j]),
            )
            worst = np.maximum(worst, differences)
    print(
        f"| {name} | {len(images)} | {counts[0]} | {counts[1]} | {counts[2]} "
        f"| {1 - worst[0]:.6f} | {worst[1]:.1e} | {worst[2]:.1e} | {worst[3]:.1e} |"
    )


def inception_difference() -> float:
    """Largest difference of an output value for the same random weights and batch."""
    torch.manual_seed(0)
    theirs = facenet_pytorch.InceptionResnetV1().eval()
    ours = InceptionResnetV1().eval()
    ours.load_state_dict(
        {k: v for k, v in theirs.state_dict().items() if not k.startswith("logits")}
    )
    x = torch.randn(4, 3, 160, 160)
    with torch.inference_mode():
        return float((ours(x) - theirs(x)).abs().max())


def dlib_cosine(models: Path, images: Sequence[np.ndarray]) -> float:
    """Smallest cosine between dlib's vector and ours for the middle 150×150 of each picture."""
    net = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    chips = np.stack([image[50:200, 50:200] for image in images])
    theirs = np.array([net.compute_face_descriptor(chip) for chip in chips])
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    return float((facewise.load_embedder().embed(chips) * theirs).sum(axis=1).min())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--dlib-models", type=Path)
    arguments = parser.parse_args()
    data = arguments.data
    people = sorted((data / "lfw/lfw-deepfunneled").iterdir())[::28][:200]
    lfw = facewise.load_image([sorted(person.glob("*.jpg"))[0] for person in people])
    portraits = sorted((data / "photos/people").glob("*/1.jpg"))
    columns = "set", "pictures", "faces, theirs", "ours", "matched"
    columns += "worst IoU", "box, px", "landmark, px", "score"
    print("|", " | ".join(columns), "|")
    print("|---|---|---|---|---|---|---|---|---|")
    compare_mtcnn("multiface.jpg", [facewise.load_image(data / "photos/multiface.jpg")])
    compare_mtcnn("four portraits", facewise.load_image(portraits))
    compare_mtcnn("every 10th frame of video.mp4", frames_of(data / "photos/video.mp4", 10))
    compare_mtcnn("LFW, one picture of each 28th person", lfw)
    print(f"\nInceptionResnetV1, random weights: largest difference {inception_difference():.1e}")
    if arguments.dlib_models:
        cosine = dlib_cosine(arguments.dlib_models, lfw[:50])
        print(f"dlib_resnet29, 50 chips: smallest cosine {cosine:.7f}")


if __name__ == "__main__":
    main()
