"""Can a model learn when to ask? A tiny vision-language model, real drawings, GRPO. Start reading at `run`."""
