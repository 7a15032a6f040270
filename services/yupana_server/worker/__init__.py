"""The worker: what takes long or comes later. Today it audits the journals of all books."""
