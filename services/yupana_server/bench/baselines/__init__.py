"""What a profile is compared with, in the same rounds: limit, usual way, empty server."""
