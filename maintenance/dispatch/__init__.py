"""Who goes where, when: day and week plans for grid engineers and crews."""
