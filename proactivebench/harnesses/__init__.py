"""Other people's harnesses: how each of them plays our episodes, on top of the evaluator's own `play`."""
