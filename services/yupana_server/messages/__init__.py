"""What the services say and hear: messages of the contract, read and written."""
