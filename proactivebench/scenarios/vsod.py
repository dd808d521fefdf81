"""VSOD: a video in which something hides the subject for a while."""

from __future__ import annotations

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Scenario, Size

VIDEO_PRE_PROMPT = "This is a frame extracted from a video. Answer the following question."
VIDEO_KEYWORDS = {"rewind the video.": Action.REWIND, "wait for the": Action.FORWARD}


class VsodSample(Sample):
    """OcclusionDataSet-MM20: a video whose subject is hidden for a while.

    Attributes:
        strong_occlusions: False where the subject can be guessed; the published loader drops such lines.
    """

    strong_occlusions: bool

    @property
    def is_fair(self) -> bool:
        return self.strong_occlusions


class VsodEnvironment(Environment):
    """The ends of the video are joined."""

    digits = 4

    def move(self, action: AnyAction) -> None:
        self.frame_number = (self.frame_number + (-1 if action is Action.REWIND else 1)) % self.sample.num_images


VSOD = Scenario(
    name="VSOD",
    dataset="OcclusionDataSet-MM20",
    title="temporal occlusion",
    placeholders=("image",),
    keywords=VIDEO_KEYWORDS,
    hint="Hint: If there is an occlusion, waiting for it to disappear or rewinding the video might reveal "
    "what's behind it.",
    pre_prompt=VIDEO_PRE_PROMPT,
    sample=VsodSample,
    environment=VsodEnvironment,
    sources=("vsod",),
    open_suggestions=("Wait for the occlusion to disappear", "Rewind the video", "Move the camera"),
    paper=Size(samples=63, images=14_400, categories=94, actions=2),
)
