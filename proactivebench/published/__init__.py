"""Facts of the publication: `kept_ids.json`, ids that survived the leak filter of its data; `paper_results.json`."""
