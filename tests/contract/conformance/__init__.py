"""Every contract's document, and whether the server, the tests and the table CONTRACTS.md keep to it.

`documents` reads the documents, `holding` holds an answer against its own, `marks` finds which tests hold which
operation, `page` writes CONTRACTS.md, `fuzzing` sends what a document allows and what it does not. Written once for all
contracts: one that is added is taken up by its `openapi.yaml`.
"""
