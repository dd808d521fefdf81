"""A benchmark on the Hugging Face Hub: what is published there and how, and how it comes back."""
