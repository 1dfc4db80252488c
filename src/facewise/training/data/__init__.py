"""From pictures of people to batches: index, chips, augmentation, samplers, overlap."""
