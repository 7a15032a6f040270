"""The schema's history. Forward only; the previous release still runs on the newest schema."""
