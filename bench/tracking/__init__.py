"""What tracking is measured with: synthetic videos with their truth, trackers, figures."""
