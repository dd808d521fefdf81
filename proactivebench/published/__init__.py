"""Facts of the published benchmark that belong to its data: `kept_ids.json`, the ids that survived its leak filter."""
