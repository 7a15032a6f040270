"""The `yupana` command."""
