"""Training with GRPO: models that learn when to ask. Start reading at `grpo`."""
