"""`python -m experiments.learn_to_ask`."""

from experiments.learn_to_ask.run import main

main()
