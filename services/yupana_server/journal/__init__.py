"""The journal in Postgres: schema, append, loads and look-ups. All SQL of Yupana lives here."""
