"""Where facenet-pytorch has its networks."""
