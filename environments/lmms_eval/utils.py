"""What the tasks beside this file name; lmms-eval looks for it here."""

from proactivebench.harnesses.lmms_eval_task import (
    ProactiveBenchTask,
    doc_to_target,
    doc_to_text,
    doc_to_visual,
    process_results,
)

__all__ = ["ProactiveBenchTask", "doc_to_target", "doc_to_text", "doc_to_visual", "process_results"]
