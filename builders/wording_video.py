"""The texts of the two video scenarios, VSOD and ChangeIt.

Each question stands behind the protocol's sentence that says it is about a frame of a video. The suggestions are fixed:
the published package plays ChangeIt only where it finds `Rewind the video.` and `Wait for the`, letter by letter.
"""

from __future__ import annotations

from collections.abc import Mapping

ABSTENTIONS = (
    "I cannot tell from this frame.",
    "I do not know the answer.",
    "I cannot answer this with certainty.",
)

REWIND = "Rewind the video."
WAIT_UNTIL_FREE = "Wait for the occlusion to disappear."
WAIT_FOR_OBJECT = "Wait for the object to appear."
WAIT_FOR_ACTION = "Wait for the action to begin."

VSOD_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        "Who is speaking in this scene?",
        "Which person is talking right now?",
        "Whose voice can be heard at this moment?",
        "Can you name the person who is speaking?",
        "Who has the floor at this moment?",
        "Who is saying something in this frame?",
        "Who is talking to the others?",
        "What is the name of the speaker?",
        "Who is being heard in this scene?",
        "Who is doing the talking in this part of the video?",
        "Whose turn is it to speak?",
        "Who would you say is speaking here?",
        "Who are the others listening to?",
        "Can you identify who is talking?",
        "Who is talking in this scene?",
    ),
    "people": (
        "How many people are in this scene?",
        "What is the number of people here?",
        "How many people take part in this scene?",
        "Can you count the people in this scene?",
        "How many people do you count here?",
        "How large is the group of people shown here?",
        "How many people are present at this moment?",
        "How many people are in front of the camera?",
        "How many people did the camera record here?",
        "How many people make up the group in this scene?",
        "If you counted everybody in this scene, how many would there be?",
        "How many different people appear in this scene?",
        "What is the head count in this scene?",
        "How many human beings does this scene show?",
        "Could you tell me how many people are here?",
    ),
    "event": (
        "What is happening in this scene?",
        "What event does this scene show?",
        "What kind of event is being recorded?",
        "What is going on here?",
        "What would you call the event in this scene?",
        "What event is taking place at this moment?",
        "What are the people in this scene taking part in?",
        "What occasion is this?",
        "What activity is the camera following here?",
        "What is this part of the video about?",
        "Can you tell which event this frame is from?",
        "What are we witnessing in this scene?",
        "What best describes what is going on?",
        "What sort of event is shown?",
        "How would you describe the event in this scene?",
    ),
}
"""Kind of question -> questions."""

CHANGEIT_OBJECT_QUESTIONS = (
    "Which object is this video about?",
    "What is the main object in this video?",
    "What thing is being handled in this video?",
    "What is the person in this video working with?",
    "Which object undergoes a change in this video?",
    "What gets changed in the course of this video?",
    "Can you name the object that this video is about?",
    "Which item is at the center of this video?",
    "What are the hands in this video working on?",
    "What object is being prepared or altered here?",
    "What is the object of interest in this recording?",
    "What object is being worked on in this video?",
    "Which object plays the main part in this video?",
    "What is being transformed in this video?",
    "What object would you say this clip shows?",
)

CHANGEIT_ACTION_QUESTIONS = (
    "Which action is carried out in this video?",
    "What is being done to the object in this video?",
    "What is the person in this video doing?",
    "What action changes the object in this video?",
    "What kind of work does this video show?",
    "Can you name the action that takes place in this video?",
    "What happens to the object in the course of this video?",
    "What activity is this video about?",
    "What do the hands in this video do with the object?",
    "What action brings the object into its final state?",
    "Which step is being demonstrated in this clip?",
)
