"""Speed and memory, each as a ratio to something run beside it. Never a test: a busy machine proves nothing."""
