"""What `duo bench` is made of; the command itself is tools/duo/bench.py."""
