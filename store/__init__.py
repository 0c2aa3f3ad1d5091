"""The CRM store: tables, own column types, migrations, bulk writing, the queries that pages and commands share."""
