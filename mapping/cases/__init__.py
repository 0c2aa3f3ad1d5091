"""Golden cases: kept as files, put to the test, without anybody's personal data."""
