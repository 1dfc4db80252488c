"""Where facenet-pytorch has its functions; the name is part of its interface."""
