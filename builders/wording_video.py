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
        "Which of the people here has the word?",
        "Who is saying something in this frame?",
        "Who of those present is talking to the others?",
        "What is the name of the speaker?",
        "Which person do the words come from?",
        "Who is the one talking in this part of the video?",
        "Whose turn to speak is it?",
        "Which person would you name as the current speaker?",
        "Who is being listened to at this moment?",
        "Can you identify who is talking?",
        "To whom do the spoken words belong?",
    ),
    "people": (
        "How many people are in this scene?",
        "What is the number of people here?",
        "How many persons take part in this scene?",
        "Can you count the people in this scene?",
        "How many people would you count here?",
        "How large is the group of people shown here?",
        "How many individuals are present at this moment?",
        "What number of persons is in front of the camera?",
        "How many people does the camera record here?",
        "Of how many people does the group in this scene consist?",
        "If you counted everybody in this scene, what would you get?",
        "How many different people are to be seen in this scene?",
        "What is the head count of this scene?",
        "How many human beings does this scene show?",
        "Could you say how many persons are here?",
    ),
    "event": (
        "What is happening in this scene?",
        "Which event does this scene show?",
        "What kind of event is being recorded?",
        "What is going on here?",
        "How would you name the event in this scene?",
        "Which event is taking place at this moment?",
        "What are the people in this scene taking part in?",
        "What occasion does this scene belong to?",
        "Which activity does the camera follow here?",
        "What is this part of the video about?",
        "Can you say which event this frame is taken from?",
        "What do we witness in this scene?",
        "Which word describes best what is going on?",
        "What sort of happening is shown?",
        "Which event would you file this scene under?",
    ),
}
"""Kind of question -> questions."""

CHANGEIT_OBJECT_QUESTIONS = (
    "Which object does this video deal with?",
    "What is the main object of this video?",
    "Which thing is being handled in this video?",
    "What does the person in this video work with?",
    "Which object undergoes a change in this video?",
    "What is it that gets changed in the course of this video?",
    "Can you name the object that this video is about?",
    "Which item is at the centre of this video?",
    "What thing do the hands in this video work on?",
    "Which object is being prepared or altered here?",
    "What is the object of interest in this recording?",
    "On which object is something being done in this video?",
    "Which thing plays the main part in this video?",
    "What is being transformed in this video?",
    "What object would you say this clip shows?",
)

CHANGEIT_ACTION_QUESTIONS = (
    "Which action is carried out in this video?",
    "What is being done to the object in this video?",
    "What is the person in this video doing?",
    "Which action changes the object in this video?",
    "What kind of work does this video show?",
    "Can you name the action that takes place in this video?",
    "What happens to the object in the course of this video?",
    "Which activity is this video about?",
    "What do the hands in this video do with the object?",
    "By which action does the object get into its final state?",
    "Which step is being demonstrated in this clip?",
)
