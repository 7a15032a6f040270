"""Each rule taken out of the services, one at a time, and the tests that have to notice."""
