"""What can run: model cards, quantization levels, memory estimates, starters, downloads."""
