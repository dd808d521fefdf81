"""One sound sample of every scenario, as the mapping of its JSONL line."""

from __future__ import annotations

from typing import Any

from proactivebench.scenarios import Sample, get_scenario

_CATEGORIES = ["Cat.", "Traffic light.", "Banana.", "Hot dog."]

ENTRIES: dict[str, dict[str, Any]] = {
    "ROD": {
        "image_template": "Realistic-Occlusion-Dataset/natural_redbl_room-banana-s{image}.jpg",
        "first_image": 7,
        "num_images": 14,
        "reference_image": 0,
        "prompt": "What do the red blocks hide?",
        "options": ["Move the red blocks to the left.", "I cannot tell.", "Move the red blocks to the right."],
    },
    "VSOD": {
        "image_template": "OcclusionDataSet-MM20/video/{image}.jpg",
        "first_image": 3,
        "num_images": 10,
        "reference_image": 8,
        "prompt": "Who is speaking?",
        "options": ["Rewind the video.", "Wait for the occlusion to end.", "I do not know."],
        "strong_occlusions": True,
    },
    "MVP-N": {
        "image_template": "MVP-N/0000/set/{image}_{informative}.png",
        "first_image": 4,
        "num_images": 3,
        "reference_image": 9,
        "prompt": "Which product is this?",
        "options": ["Rotate the object.", "I cannot tell."],
        "valid_images": [4, 2, 9],
    },
    "IN-C": {
        "image_template": "ImageNet-C/pixelate/{level}/n02124075/ILSVRC2012_val_00000001.JPEG",
        "first_image": 5,
        "num_images": 5,
        "reference_image": 1,
        "prompt": "What is this?",
        "options": ["Deblur the image.", "Increase the resolution.", "Reduce the brightness.", "I do not know."],
        "quality_answer": "Increase the resolution.",
    },
    "QD": {
        "image_template": "QuickDraw/cat/1/{image}.png",
        "first_image": 0,
        "num_images": 4,
        "reference_image": 3,
        "prompt": "What is being drawn?",
        "options": ["I cannot tell.", "Make the sketch clearer."],
    },
    "CIT": {
        "image_template": "ChangeIt/apple/id/{image}.jpg",
        "first_image": 0,
        "num_images": 20,
        "reference_image": 6,
        "prompt": "Which object is worked on?",
        "options": ["Wait for the object to show.", "I do not know.", "Rewind the video."],
        "step_size": 2,
        "max_steps": 10,
    },
    "COCO": {
        "image_template": "coco2014/val2014/COCO_val2014_000000000042.jpg",
        "first_image": 0,
        "num_images": 1,
        "reference_image": 0,
        "prompt": "Which object is this?",
        "options": ["Move the camera up.", "Move the camera to the left.", "I cannot tell."],
        "direction": "up_left",
        "granularity": 3,
        "horizontal_step": 20,
        "vertical_step": 10.5,
        "crop": {"top": 100, "left": 120, "width": 300, "height": 260},
    },
}
for _number, _entry in enumerate(ENTRIES.values()):
    _entry |= {"id": _number, "categories": _CATEGORIES, "answer": "Banana."}


def example_sample(scenario: str, **changes: Any) -> Sample:
    """The scenario's sample, with some fields changed."""
    return get_scenario(scenario).sample(**(ENTRIES[scenario] | changes))
