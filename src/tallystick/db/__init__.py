"""PostgreSQL: the pool, named queries, migrations, and the embedded server. The driver appears only here."""
