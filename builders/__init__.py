"""From raw records to a benchmark: what every dataset builder plans and renders, and the pipeline that runs them."""
