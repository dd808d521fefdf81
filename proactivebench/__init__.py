"""ProactiveBench: does a multimodal model know when to ask for help?"""

__version__ = "0.1.0"
